/** Measuring: repetitions and their times, what the machine is and what it can do at most, work that is ready to be timed. */
package dev.smallbatch.bench.measure;
