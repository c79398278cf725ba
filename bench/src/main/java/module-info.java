/** Benchmarks and experiments. */
module dev.smallbatch.bench {
    requires dev.smallbatch.model;
    requires info.picocli;
    requires jdk.incubator.vector;
    requires java.desktop;
    requires java.logging;
    requires jdk.management;
    requires org.knowm.xchart;
    requires static jmh.core;

    provides dev.smallbatch.model.cli.CommandProvider with dev.smallbatch.bench.BenchCommands;

    opens dev.smallbatch.bench.quick to info.picocli;
    opens dev.smallbatch.bench.experiments to info.picocli, com.fasterxml.jackson.databind;
}
