/** What this module adds to the command line. */
package dev.smallbatch.bench;
