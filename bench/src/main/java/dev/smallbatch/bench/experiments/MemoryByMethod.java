package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.model.cli.Format;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.train.StepMemory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.knowm.xchart.CategoryChart;

/** Bytes per parameter of every method: planned, measured, and planned for the 13B model (sections 6.3 and 6.4). */
final class MemoryByMethod implements Experiment {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final double TOLERANCE = 0.1;
    private static final double DEVICE = 40e9;
    private static final int STEPS = 2;

    /** A way to train, what the paper says it takes per parameter, and the total of its 13B figure in GB or null. */
    private record Method(String name, Cell cell, double bytesPerParameter, Double paper13b) {}

    /** Planned bytes of each part, and by how much the process grew in fact; null where the system does not tell. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Bytes(long parameters, long weights, long state, long gradients, long step, Long resident) {
        double perParameter() {
            return (weights + state + gradients) / (double) parameters;
        }

        long total() {
            return weights + state + gradients + step;
        }
    }

    @Override
    public String title() {
        return "memory of every method, planned and measured";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        Trial.quieten();
        Scale measured = sized(trial, "measured");
        Scale large = sized(trial, "planned");
        List<Method> methods = methods(measured.model());
        List<Outcome<Cell, Bytes>> small = measure(trial, measured, methods.stream().map(Method::cell).toList());
        Map<String, Bytes> here = new LinkedHashMap<>();
        Map<String, Bytes> planned = new LinkedHashMap<>();
        for (Method method : methods) {
            here.put(method.name, small.stream().filter(outcome -> outcome.cell().equals(method.cell)).findFirst().orElseThrow()
                    .result());
            if (method.paper13b != null) {
                planned.put(method.name, plan(large, withBf16(method.cell), true));
            }
        }
        long parameters = measured.model().parameterCount();
        trial.figure("memory.png", 2, List.of(
                chart(Format.count(parameters) + " parameters, bytes for each", here, parameters),
                chart("the 13B model, bf16 weights, F32 state, GB", planned, 1e9)));
        return claims(methods, here, planned);
    }

    private static Scale sized(Trial trial, String part) {
        JsonNode c = trial.config().path(part);
        return trial.scale().withModel(c.path("layers").asInt(), c.path("dim").asInt(), c.path("heads").asInt(),
                c.path("seqLen").asInt(), c.path("vocabulary").asInt());
    }

    private static List<Method> methods(GptConfig model) {
        double table = 2.0 * model.vocabularySize() * model.dim() / model.parameterCount();
        return List.of(
                new Method("Adam, accumulation", cell("adam", "f32", 2), 16, 108.33),
                new Method("Adam", cell("adam", "f32", 1), 12, 82.37),
                new Method("Muon", cell("muon", "f32", 1), 8 + 4 * table, 57.03),
                new Method("Adafactor", cell("adafactor", "f32", 1), 4, 29.07),
                new Method("SGD", cell("sgd", "f32", 1), 4, 28.65),
                new Method("Adafactor, bf16", cell("adafactor", "bf16-stochastic", 1), 2, null),
                new Method("SGD, bf16", cell("sgd", "bf16-stochastic", 1), 2, null));
    }

    private static Cell cell(String optimizer, String weights, int microBatches) {
        boolean averages = optimizer.equals("adam") || optimizer.equals("muon");
        return new Cell(optimizer, microBatches, 1e-3, averages ? 0.9 : null, null, optimizer.equals("sgd") ? null : 0.999, null,
                null, optimizer.equals("muon") ? 1e-3 : null, null, weights, microBatches, null, null, 0);
    }

    private static Cell withBf16(Cell cell) {
        return cell(cell.optimizer(), "bf16-stochastic", cell.microBatches());
    }

    private static Bytes plan(Scale scale, Cell cell, boolean recompute) {
        StepMemory memory = CellRun.plan(scale, cell, recompute);
        return new Bytes(scale.model().parameterCount(), memory.parameters(), memory.optimizerState(), memory.gradients(),
                memory.step() + memory.data(), null);
    }

    /**
     * Makes some steps with every cell. None is closed before the last has been measured: what was freed might be used again
     * without the process growing. Each comes twice and the second time counts, since the JVM grows as well while it compiles.
     */
    private static List<Outcome<Cell, Bytes>> measure(Trial trial, Scale scale, List<Cell> cells) throws IOException {
        List<CellRun> open = new ArrayList<>();
        try (Backend backend = Backends.open("auto", trial.threads()); ResultsFile<Cell, Bytes> results =
                ResultsFile.open(trial.directory().resolve("results.jsonl"), Cell.class, Bytes.class)) {
            List<Cell> missing = cells.stream()
                    .filter(cell -> results.outcomes().stream().noneMatch(outcome -> outcome.cell().equals(cell))).toList();
            for (Cell cell : missing) {
                grow(scale, cell, backend.kernels(), open);
            }
            for (Cell cell : missing) {
                results.append(new Outcome<>(cell, grow(scale, cell, backend.kernels(), open)));
            }
            return results.outcomes();
        } finally {
            open.forEach(CellRun::close);
        }
    }

    private static Bytes grow(Scale scale, Cell cell, Kernels kernels, List<CellRun> open) {
        Bytes planned = plan(scale, cell, false);
        OptionalLong before = resident();
        CellRun run = new CellRun(scale, cell, STEPS, kernels);
        open.add(run);
        for (int step = 0; step < STEPS; step++) {
            run.train(CellRun.pattern(scale.vocabulary()), step);
        }
        OptionalLong after = resident();
        Long grown = before.isPresent() && after.isPresent() ? after.getAsLong() - before.getAsLong() : null;
        return new Bytes(planned.parameters, planned.weights, planned.state, planned.gradients, planned.step, grown);
    }

    /** Bytes of this process that are in memory; empty where the system is not Linux. */
    private static OptionalLong resident() {
        try {
            return Files.isReadable(STATUS) ? Files.readAllLines(STATUS).stream().filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10).findFirst() : OptionalLong.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static CategoryChart chart(String title, Map<String, Bytes> bytes, double unit) {
        CategoryChart chart = Figure.bars(title, "", "");
        chart.getStyler().setStacked(true);
        List<String> names = List.copyOf(bytes.keySet());
        List<Bytes> values = List.copyOf(bytes.values());
        Figure.bar(chart, "weights", names, values.stream().map(b -> b.weights / unit).toList());
        Figure.bar(chart, "optimizer state", names, values.stream().map(b -> b.state / unit).toList());
        Figure.bar(chart, "gradients kept", names, values.stream().map(b -> b.gradients / unit).toList());
        Figure.bar(chart, "activations, gradients in flight", names, values.stream().map(b -> b.step / unit).toList());
        chart.getStyler().setXAxisLabelRotation(25);
        return chart;
    }

    private static List<Claim> claims(List<Method> methods, Map<String, Bytes> here, Map<String, Bytes> planned) {
        List<Claim> claims = new ArrayList<>();
        for (Method method : methods) {
            Bytes bytes = here.get(method.name);
            claims.add(Claim.of("6.3", Format.text("%s: %.1f bytes per parameter for weights, state and kept gradients, within"
                            + " %.0f %%", method.name, method.bytesPerParameter, 100 * TOLERANCE),
                    Math.abs(bytes.perParameter() / method.bytesPerParameter - 1) <= TOLERANCE, "%.2f", bytes.perParameter()));
            if (bytes.resident != null) {
                claims.add(Claim.of("plan", Format.text("%s: the process grows by what was planned, within %.0f %%", method.name,
                                100 * TOLERANCE), Math.abs(bytes.resident / (double) bytes.total() - 1) <= TOLERANCE,
                        "%s against %s", Format.bytes(bytes.resident), Format.bytes(bytes.total())));
            }
        }
        List<String> fitting = planned.keySet().stream().filter(name -> planned.get(name).total() <= DEVICE).toList();
        String figures = String.join(", ", methods.stream().filter(method -> method.paper13b != null)
                .map(method -> Format.text("%s %.1f (paper, all in 16 bits: %.1f)", method.name,
                        planned.get(method.name).total() / 1e9, method.paper13b)).toList());
        claims.add(Claim.of("6.4", "13B on a device of 40 GB: Adafactor and SGD fit, nothing else does",
                fitting.equals(List.of("Adafactor", "SGD")), "GB: %s", figures));
        return claims;
    }
}
