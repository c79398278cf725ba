/** Benchmarks and experiments. */
module dev.smallbatch.bench {
    requires dev.smallbatch.model;
    requires jmh.core;
}
