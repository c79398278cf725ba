package dev.smallbatch.bench.peers;

import com.fasterxml.jackson.databind.JsonNode;
import dev.smallbatch.bench.measure.Arguments;
import dev.smallbatch.bench.measure.Machine;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Runs Smallbatch and PyTorch in turn and writes the tables; {@code bench/peers/run.sh} builds and starts it.
 */
public final class Peers {
    private static final int USAGE = 2;
    private static final Map<String, String> DEFAULTS = Map.of("root", ".", "python", "", "pairs", "5",
            "threads", Integer.toString(Runtime.getRuntime().availableProcessors()),
            "name", "", "jvm", "", "quick", "false", "compile", "false");

    private final Arguments arguments;
    private final Path root;
    private final Path scripts;
    private final PairedRuns runs = new PairedRuns(Peers::say);

    private Peers(Arguments arguments) {
        this.arguments = arguments;
        this.root = Path.of(arguments.text("root")).toAbsolutePath().normalize();
        this.scripts = root.resolve("bench/peers");
    }

    /**
     * {@code [--root DIRECTORY] [--quick] [--pairs N] [--threads N] [--python PATH] [--compile] [--jvm "OPTIONS"] [--name NAME]
     * [SUITE ...]}; the root is the project's directory.
     */
    public static void main(String[] arguments) throws InterruptedException {
        try {
            new Peers(Arguments.parse(DEFAULTS, arguments)).run();
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.exit(USAGE);
        } catch (IOException | IllegalStateException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }

    private static void say(String text) {
        System.err.println(text);
    }

    private void run() throws IOException, InterruptedException {
        List<String> names = arguments.words().isEmpty() ? Suites.NAMES : arguments.words();
        boolean quick = arguments.flag("quick");
        boolean compile = arguments.flag("compile");
        int pairs = quick ? 1 : arguments.integer("pairs");
        if (pairs < 1) {
            throw new IllegalArgumentException("peers: --pairs " + pairs + "; at least 1, and 5 for numbers to be quoted");
        }
        Optional<JsonNode> torch = torch();
        Launch launch = launch(torch.map(found -> arguments.text("python")));
        Suites suites = new Suites(launch, arguments.integer("threads"), quick, compile);
        List<Comparison> comparisons = names.stream().flatMap(name -> suites.of(name).stream()).toList();
        Report report = new Report(setting(launch, torch, pairs));
        Path results = scripts.resolve("results");
        String file = fileName(names);
        for (Comparison comparison : comparisons) {
            List<Pair> done = runs.run(comparison, pairs);
            report.add(comparison, done);
            backend(done).ifPresent(backend -> report.note("backend", backend));
            report.note("load after", Machine.load());
            report.write(results, file);
        }
        say("written: bench/peers/results/" + file + ".md and " + file + ".json");
    }

    private static Optional<String> backend(List<Pair> pairs) {
        return pairs.getFirst().first().stream().map(line -> line.path("backend").asText()).filter(name -> !name.isEmpty())
                .findFirst();
    }

    /** What the interpreter says of its PyTorch; empty, with a message, if it has none. */
    private Optional<JsonNode> torch() throws InterruptedException {
        String python = arguments.text("python");
        List<String> command = List.of(python, scripts.resolve("torch_info.py").toString());
        try {
            if (!python.isEmpty()) {
                return Optional.of(runs.run(new Contestant("PyTorch", command, "torch_info.py")).getFirst());
            }
        } catch (IOException e) {
            say(e.getMessage());
        }
        say("peers: no PyTorch " + (python.isEmpty() ? "(no --python)" : "in " + python) + ", so Smallbatch runs alone."
                + " bench/peers/README.md says how to install it");
        return Optional.empty();
    }

    private Launch launch(Optional<String> python) {
        List<String> extra = Arrays.stream(arguments.text("jvm").split(" ")).filter(word -> !word.isEmpty()).toList();
        return new Launch(Path.of(System.getProperty("java.home"), "bin", "java"), root.resolve("etc/jvm.options"), extra,
                classPath(), scripts, python);
    }

    /** That of this process, the project's own jars first: classes are looked for in order. */
    private static String classPath() {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .sorted(Comparator.comparing((String entry) -> !Path.of(entry).getFileName().toString().startsWith("smallbatch"))
                        .thenComparing(Comparator.naturalOrder()))
                .collect(Collectors.joining(File.pathSeparator));
    }

    private Map<String, String> setting(Launch launch, Optional<JsonNode> torch, int pairs) throws IOException {
        String load = Machine.load();
        if (!load.matches("0\\.[0-4].*|[^0-9].*")) {
            say("peers: this machine has other work (load " + load + "), which shifts the ratios as well as the numbers");
        }
        Map<String, String> setting = new LinkedHashMap<>();
        setting.put("date", LocalDate.now().toString());
        setting.put("commit", Machine.commit(root));
        if (arguments.flag("quick")) {
            setting.put("quick", "a trial run, whose numbers mean nothing");
        }
        setting.putAll(Machine.description());
        setting.put("jvm line", launch.jvmLine());
        setting.put(launch.jvmOptions().getFileName().toString(), options(launch.jvmOptions()));
        setting.put("pytorch", torch.map(JsonNode::toString).orElse("absent"));
        setting.put("threads", arguments.text("threads"));
        setting.put("pairs", pairs + ", the order alternating");
        setting.put("warm-up", arguments.flag("quick") ? "almost none" : "each process first works untimed: steps for 5 s and at"
                + " least 10, a product 5 s with others and then 0.17 s and at least 2, generation 5 s; startup none");
        setting.put("load before", load);
        return setting;
    }

    private static String options(Path file) throws IOException {
        return Files.readAllLines(file).stream().filter(line -> !line.isBlank() && !line.startsWith("#"))
                .collect(Collectors.joining(" "));
    }

    private String fileName(List<String> suites) {
        if (!arguments.text("name").isEmpty()) {
            return arguments.text("name");
        }
        String all = suites.equals(Suites.NAMES) ? "all" : String.join("-", suites);
        return all + (arguments.flag("compile") ? "-compile" : "") + (arguments.flag("quick") ? "-quick" : "");
    }
}
