/** Benchmarks for JMH: how fast the operations and the steps of training are. CONTRIBUTING.md says how to run them. */
package dev.smallbatch.bench.jmh;
