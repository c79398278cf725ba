package dev.smallbatch.bench.peers;

import dev.smallbatch.bench.peers.Comparison.Metric;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/** The comparisons that can be asked for, by name. */
final class Suites {
    /** In the order in which they run. */
    static final List<String> NAMES = List.of("gemm", "lm11m", "gpt2s", "small", "threads", "memory", "generate", "startup");

    private static final String SMALLBATCH = "Smallbatch";
    private static final GptConfig SMALL = GptConfig.paper(4, 256, 4, 128, 4096);

    private final Launch launch;
    private final int threads;
    private final boolean quick;
    private final boolean compile;

    /**
     * @param threads of every program that is not said to have another number
     * @param quick so short that the numbers mean nothing
     * @param compile whether PyTorch compiles its model
     */
    Suites(Launch launch, int threads, boolean quick, boolean compile) {
        this.launch = launch;
        this.threads = threads;
        this.quick = quick;
        this.compile = compile;
    }

    /** @throws IllegalArgumentException if there is no such suite */
    List<Comparison> of(String suite) {
        return switch (suite) {
            case "gemm" -> gemm();
            case "lm11m" -> List.of(lm11m("sgd"), lm11m("adamw"));
            case "gpt2s" -> List.of(training("gpt2s", GptConfig.preset("gpt2s"), "adamw", "at least 1.0, aim 1.5"));
            case "small" -> List.of(training("small", SMALL, "adamw", "at least 2, aim 4"));
            case "threads" -> threads == 1 ? List.of() : List.of(scaling("sgd"), scaling("adamw"));
            case "memory" -> List.of(memory());
            case "generate" -> List.of(generate());
            case "startup" -> List.of(startup());
            default -> throw new IllegalArgumentException(
                    "peers: no suite '" + suite + "'; there are " + String.join(", ", NAMES));
        };
    }

    private List<Comparison> gemm() {
        List<Comparison> all = new ArrayList<>();
        List<String> limits = quick ? List.of("--warmup-seconds", "0", "--repetitions", "1", "--seconds", "0") : List.of();
        for (int count : new TreeSet<>(List.of(1, threads))) {
            List<String> arguments = with(limits, "--threads", Integer.toString(count));
            all.add(new Comparison("gemm-" + count, "matrix products of a training step, threads: " + count,
                    launch.smallbatch(SMALLBATCH, GemmPeer.class, arguments),
                    launch.pytorch("PyTorch", "torch_gemm.py", arguments),
                    List.of(new Metric("gflops_median", "GFLOP/s", "geometric mean at least 0.9, aim 1.0"),
                            new Metric("gflops_best", "GFLOP/s, best", ""))));
        }
        return all;
    }

    private Comparison lm11m(String optimizer) {
        return training("lm11m", GptConfig.preset("lm11m"), optimizer, "at least 1.2, aim 2");
    }

    private Comparison training(String model, GptConfig config, String optimizer, String goal) {
        String title = "training step, " + model + ", " + shown(optimizer);
        return step(model + "-" + optimizer, title, config, optimizer, limits(), stepMetrics(goal));
    }

    private static String shown(String optimizer) {
        return optimizer.equals("sgd") ? "SGD" : "AdamW";
    }

    private static List<Metric> stepMetrics(String goal) {
        return List.of(new Metric("tokens_per_s_median", "tokens/s", goal),
                new Metric("tokens_per_s_best", "tokens/s, best", ""),
                new Metric("ms_per_step_median", "ms per step", ""),
                new Metric("peak_rss_mib", "peak resident MiB", ""));
    }

    private Comparison step(String name, String title, GptConfig config, String optimizer, List<String> limits,
            List<Metric> metrics) {
        List<String> arguments = with(model(config, optimizer, limits), "--threads", Integer.toString(threads));
        List<String> torch = compile ? with(arguments, "--compile") : arguments;
        return new Comparison(name, title, launch.smallbatch(SMALLBATCH, StepPeer.class, arguments),
                launch.pytorch(compile ? "PyTorch, compiled" : "PyTorch", "torch_step.py", torch), metrics);
    }

    private Comparison memory() {
        return step("memory-lm11m-sgd", "memory of a training step, lm11m, SGD", GptConfig.preset("lm11m"), "sgd", limits(),
                List.of(new Metric("peak_rss_mib", "peak resident MiB", "at most 0.5, aim 0.33")));
    }

    private Comparison startup() {
        return step("startup-tiny", "from the start of the process to the end of the first step, tiny, AdamW",
                GptConfig.preset("tiny"), "adamw",
                List.of("--warmup-steps", "1", "--warmup-seconds", "0", "--steps", "1", "--seconds", "0"),
                List.of(new Metric("first_step_s", "seconds", "Smallbatch at most 2 s, aim 1 s")));
    }

    private Comparison scaling(String optimizer) {
        List<String> model = model(GptConfig.preset("lm11m"), optimizer, limits());
        Contestant many = launch.smallbatch(threads + " threads", StepPeer.class,
                with(model, "--threads", Integer.toString(threads)));
        Contestant one = launch.smallbatch("1 thread", StepPeer.class, with(model, "--threads", "1"));
        String title = "Smallbatch on " + threads + " threads over 1, training step, lm11m, " + shown(optimizer);
        return new Comparison("threads-lm11m-" + optimizer, title, many, Optional.of(one),
                stepMetrics(threads == 2 ? "at least 1.7, aim 1.9" : ""));
    }

    private Comparison generate() {
        List<String> count = List.of("--threads", Integer.toString(threads));
        List<String> smallbatch = quick ? List.of("--tokens", "4", "--warmup-seconds", "0", "--bandwidth-mib", "128",
                "--bandwidth-seconds", "0") : List.of();
        List<String> torch = quick ? List.of("--mib", "128", "--seconds", "0") : List.of();
        return new Comparison("generate-gpt2s", "generation, gpt2s, one sequence; PyTorch reads memory alone",
                launch.smallbatch(SMALLBATCH, GeneratePeer.class, with(count, smallbatch)),
                launch.pytorch("PyTorch", "torch_bandwidth.py", with(count, torch)),
                List.of(new Metric("share_of_best_bandwidth", "share of what the larger bandwidth allows",
                                "at least 0.7, aim 0.9"),
                        new Metric("share_of_bandwidth", "share of what its own bandwidth allows", ""),
                        new Metric("tokens_per_s_median", "tokens/s", ""),
                        new Metric("weight_bytes_per_token", "bytes of weights per token", ""),
                        new Metric("bandwidth_gb_s", "bandwidth of reading, GB/s", ""),
                        new Metric("bandwidth_sum_gb_s", "bandwidth by a sum, GB/s", ""),
                        new Metric("bandwidth_linear_gb_s", "bandwidth by matrix x vector, GB/s", "")));
    }

    private static List<String> model(GptConfig config, String optimizer, List<String> limits) {
        return with(List.of("--dim", Integer.toString(config.dim()), "--layers", Integer.toString(config.layers()),
                "--heads", Integer.toString(config.heads()), "--seq", Integer.toString(config.seqLen()),
                "--vocab", Integer.toString(config.vocabularySize()), "--batch", "1", "--opt", optimizer), limits);
    }

    private List<String> limits() {
        return quick ? List.of("--warmup-steps", "1", "--warmup-seconds", "0", "--steps", "2", "--seconds", "0")
                : List.of("--warmup-steps", "10", "--warmup-seconds", "5", "--steps", "10", "--seconds", "10");
    }

    private static List<String> with(List<String> arguments, String... more) {
        return with(arguments, List.of(more));
    }

    private static List<String> with(List<String> arguments, List<String> more) {
        List<String> all = new ArrayList<>(arguments);
        all.addAll(more);
        return all;
    }
}
