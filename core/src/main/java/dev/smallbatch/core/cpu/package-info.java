/** What the CPU back ends share: threads that work through a fixed grid of tasks. */
package dev.smallbatch.core.cpu;
