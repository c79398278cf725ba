package dev.smallbatch.model.cli;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.model.run.MachineMemory;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code doctor}: what this machine and this JVM offer to training, measured, and what to do about what is missing. */
@Command(name = "doctor", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Says what this machine and this JVM can do, measures it, and names what slows training down.",
        footer = {"", "Example:", "  smallbatch doctor"})
final class DoctorCommand implements Callable<Integer> {
    private static final long LITTLE_MEMORY = 2L << 30;
    private static final double SLOW_GFLOPS_PER_THREAD = 10;

    private final Console console;
    private final List<String> warnings = new ArrayList<>();

    @Mixin
    private final BackendOptionGroup backends = new BackendOptionGroup();

    DoctorCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        java();
        machine();
        survey();
        try (Backend backend = backends.open()) {
            console.row("chosen", backend.info().toString());
            measure(backend);
        }
        if (warnings.isEmpty()) {
            console.row("advice", "none, all is well");
        }
        warnings.forEach(warning -> console.row("advice", warning));
        return 0;
    }

    private void java() {
        console.row("java", "%s, %s %s", Runtime.version(), System.getProperty("java.vm.name"),
                System.getProperty("java.vm.info"));
        console.row("home", System.getProperty("java.home"));
        CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
        String mode = System.getProperty("java.vm.info", "");
        List<String> arguments = ManagementFactory.getRuntimeMXBean().getInputArguments();
        boolean limited = arguments.stream().anyMatch(argument -> argument.matches("-XX:TieredStopAtLevel=[0-3]"));
        boolean interpreted = compiler == null || mode.contains("interpreted");
        console.row("compiler", interpreted ? "none: the JVM interprets" : compiler.getName()
                + (limited ? ", without the top tier (C2)" : ", up to the top tier (C2)"));
        if (interpreted || limited) {
            warnings.add("the JVM does not use its optimizing compiler C2, so training is 10 to 1000 times slower; remove"
                    + " -Xint or -XX:TieredStopAtLevel from JAVA_TOOL_OPTIONS and JDK_JAVA_OPTIONS");
        }
        if (!Files.exists(Path.of(System.getProperty("java.home"), "lib", "src.zip"))) {
            warnings.add("this JDK came without lib/src.zip, which demo learns from; give demo --data, or install the"
                    + " JDK's sources");
        }
    }

    private void machine() {
        int processors = Runtime.getRuntime().availableProcessors();
        console.row("machine", "%s %s, %d processors for this JVM", System.getProperty("os.name"),
                System.getProperty("os.arch"), processors);
        if (processors == 1) {
            warnings.add("the JVM sees one processor; in a container raise its limit (docker run --cpus), or start java with"
                    + " -XX:ActiveProcessorCount=N if there are more");
        }
        OptionalLong available = MachineMemory.available();
        console.row("memory", "%s available, heap up to %s",
                available.isPresent() ? Format.bytes(available.getAsLong()) : "unknown",
                Format.bytes(Runtime.getRuntime().maxMemory()));
        if (available.isPresent() && available.getAsLong() < LITTLE_MEMORY) {
            warnings.add("less than 2 GiB of memory are available; choose --preset tiny or small, or close other programs");
        }
    }

    private void survey() {
        for (Backends.Candidate candidate : Backends.survey()) {
            console.row("backend", "%-8s %s %s", candidate.provider().name(),
                    candidate.availability().usable() ? "usable:  " : "missing: ",
                    candidate.availability().reason());
            if (candidate.provider().name().equals("vector") && !candidate.availability().usable()) {
                warnings.add("the vector backend is missing, training is many times slower: "
                        + candidate.availability().reason());
            }
        }
    }

    private void measure(Backend backend) {
        SpeedTest test = new SpeedTest(backend.kernels());
        double best = 0;
        for (SpeedTest.Product product : SpeedTest.PRODUCTS) {
            double gflops = test.gigaflops(product);
            best = Math.max(best, gflops);
            console.row("product", "%-26s %7.1f GFLOP/s", product, gflops);
        }
        console.row("bandwidth", "%.1f GB/s (y += a x over 64 MB each), %.1f GB/s (fill)", test.axpyBandwidth(),
                test.fillBandwidth());
        if (best < SLOW_GFLOPS_PER_THREAD * backend.info().threads()) {
            warnings.add(Format.text("%.1f GFLOP/s from %d threads is little; is the machine busy, throttled or without"
                    + " vector units?"
                    + " The backend is %s", best, backend.info().threads(), backend.info().name()));
        }
    }
}
