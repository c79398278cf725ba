package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.databind.JsonNode;
import dev.smallbatch.bench.measure.PreparedStep;
import dev.smallbatch.bench.measure.Roofline;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.cli.Format;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.OptimizerKind;
import dev.smallbatch.optim.batch.Throughput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.Styler;

/** Tokens per second against batch size and sequence length on this machine: the smallest batch worth using (C17). */
final class ThroughputByBatch implements Experiment {
    private static final int FEWEST_STEPS = 5;
    private static final double RATE = 1e-4;
    private static final double WASTE = 0.3;
    private static final int SPREAD = 4;

    /** What is timed: a preset's decoder with other sequences. */
    record Load(String preset, String optimizer, int batch, int seqLen) {}

    /**
     * What came out.
     *
     * @param tokensPerSecond of the median step
     * @param shareOfPeak floating-point operations of the model against those that the processors could make
     */
    record Speed(double tokensPerSecond, double shareOfPeak) {}

    @Override
    public String title() {
        return "tokens per second across batch sizes and sequence lengths on this machine";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        JsonNode config = trial.config();
        BackendOptions threads = BackendOptions.defaults();
        double peak = Roofline.peak(threads.threads(), 1);
        List<Load> loads = new ArrayList<>();
        for (JsonNode length : config.path("seqLen")) {
            for (JsonNode batch : config.path("batch")) {
                if (batch.asInt() * length.asInt() <= config.path("mostTokens").asInt()) {
                    loads.add(new Load(config.path("preset").asText(), config.path("optimizer").asText(), batch.asInt(),
                            length.asInt()));
                }
            }
        }
        double seconds = config.path("seconds").asDouble();
        warmUp(loads, threads, seconds / 2);
        List<Outcome<Load, Speed>> all = new Sweep<>(trial.console(), 1, threads, Load.class, Speed.class).run(
                trial.directory().resolve("results.jsonl"), loads,
                (load, kernels, progress) -> measure(load, kernels, seconds, peak),
                outcome -> Format.text("last: %d x %d: %s tokens/s", outcome.cell().batch(), outcome.cell().seqLen(),
                        Format.count(outcome.result().tokensPerSecond())));
        trial.figure("throughput-by-batch.png", 2, List.of(
                chart("by batch size, for sequences of T", "batch size, sequences", all, load -> load.batch()),
                chart("the same by tokens", "tokens per update, B T", all, load -> load.batch() * load.seqLen())));
        return claims(all);
    }

    /** The first seconds of a JVM and of a shape are slow: measured, they would say more of its compilers than of the machine. */
    private static void warmUp(List<Load> loads, BackendOptions threads, double seconds) {
        try (Backend backend = Backends.open("auto", threads)) {
            loads.forEach(load -> measure(load, backend.kernels(), seconds, 1));
        }
    }

    private static Speed measure(Load load, Kernels kernels, double seconds, double peak) {
        GptConfig preset = GptConfig.preset(load.preset());
        GptConfig model = preset.withSizes(preset.layers(), preset.dim(), preset.heads(), load.seqLen(), preset.vocabularySize());
        OptimizerKind optimizer = OptimizerKind.named(load.optimizer());
        PreparedStep.Setup setup =
                new PreparedStep.Setup(model, optimizer.atConstantRate(RATE), load.batch(), DType.F32, false);
        try (PreparedStep step = new PreparedStep(setup, kernels)) {
            Timings.repeat(new Timings.AtLeast(FEWEST_STEPS, seconds), step::draw, step::train);
            double median = Timings.repeat(new Timings.AtLeast(FEWEST_STEPS, seconds), step::draw, step::train).median();
            return new Speed(step.tokens() / median, step.flops() / median / peak);
        }
    }

    private static List<Throughput> byBatch(List<Outcome<Load, Speed>> all, int length) {
        return all.stream().filter(outcome -> outcome.cell().seqLen() == length)
                .map(outcome -> new Throughput(outcome.cell().batch(), outcome.result().tokensPerSecond())).toList();
    }

    private static List<Claim> claims(List<Outcome<Load, Speed>> all) {
        List<Integer> lengths = all.stream().map(outcome -> outcome.cell().seqLen()).distinct().sorted().toList();
        List<Double> lost = lengths.stream().map(length -> {
            List<Throughput> measured = byBatch(all, length);
            double one = measured.stream().filter(t -> t.batchSize() == 1).findFirst().orElseThrow().tokensPerSecond();
            return 1 - one / Throughput.best(measured);
        }).toList();
        List<Integer> advice = lengths.stream().map(length -> Throughput.smallestFast(byBatch(all, length)).batchSize()).toList();
        List<Integer> tokens = lengths.stream().map(length -> length * advice.get(lengths.indexOf(length))).toList();
        double most = tokens.stream().max(Integer::compare).orElseThrow();
        double least = tokens.stream().min(Integer::compare).orElseThrow();
        double share = all.stream().mapToDouble(outcome -> outcome.result().shareOfPeak()).max().orElseThrow();
        return List.of(
                Claim.of("C17", "too small a batch wastes the machine: with the shortest sequences B=1 loses at least "
                        + Math.round(100 * WASTE) + " % of the best tokens/s", lost.getFirst() >= WASTE,
                        "lost at B=1, T %s: %s; best share of peak %.2f", lengths, Claim.numbers(lost), share),
                Claim.of("E11", "the speed rises, then flattens: the smallest batch within 5 % of the best is not the largest",
                        advice.getFirst() < byBatch(all, lengths.getFirst()).stream().mapToInt(Throughput::batchSize).max()
                        .orElseThrow(), "smallest fast batch, T %s: B %s", lengths, advice),
                Claim.of("2.6", "T counts as much as B: the smallest fast batches have about as many tokens, within a factor of "
                        + SPREAD, most / least <= SPREAD, "tokens per update, T %s: %s", lengths, tokens));
    }

    /** A number of a load. */
    private interface Size {
        double of(Load load);
    }

    private static XYChart chart(String title, String x, List<Outcome<Load, Speed>> all, Size size) {
        XYChart chart = Figure.log2Chart(title, x, "tokens per second");
        all.stream().map(outcome -> outcome.cell().seqLen()).distinct().sorted().forEach(length -> {
            List<Outcome<Load, Speed>> line = all.stream().filter(outcome -> outcome.cell().seqLen() == length).toList();
            Figure.log2Line(chart, "T = " + length, line.stream().map(outcome -> size.of(outcome.cell())).toList(),
                    line.stream().map(outcome -> outcome.result().tokensPerSecond()).toList());
        });
        chart.getStyler().setYAxisMin(0.0).setLegendPosition(Styler.LegendPosition.InsideSE);
        return chart;
    }
}
