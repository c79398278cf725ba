package dev.smallbatch.bench.experiments;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.model.cli.Format;
import dev.smallbatch.optim.train.BatchSource;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.knowm.xchart.CategoryChart;

/** A batch as one piece, as micro-batches accumulated, and as many updates of one sequence each (C16). */
final class AccumulationCost implements Experiment {
    private static final int STEPS = 10;
    private static final double EQUAL = 1e-5;
    private static final double SAME_LOSS = 0.02;

    @Override
    public String title() {
        return "gradient accumulation against the batch in one piece and against batch size 1";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        List<Claim> claims = new ArrayList<>();
        Losses all = trial.trainAll();
        TextBlocks text = ExperimentText.open(trial);
        Map<String, List<Double>> bars = new LinkedHashMap<>();
        for (String optimizer : List.of("sgd", "adam")) {
            Losses losses = all.optimizer(optimizer);
            Cell accumulated = losses.where(AccumulationCost::accumulates).best();
            claims.add(sameTrajectory(trial.scale(), text, accumulated));
            claims.add(memory(trial.scale(), accumulated));
            double one = losses.batch(1).lowest();
            double parts = losses.where(AccumulationCost::accumulates).lowest();
            double whole = losses.batch(accumulated.batch()).where(Predicate.not(AccumulationCost::accumulates)).lowest();
            claims.add(Claim.of("C16", optimizer + ": accumulated and in one piece end within " + SAME_LOSS
                    + ", batch size 1 on the same tokens ends lower", Math.abs(parts - whole) <= SAME_LOSS && one < parts,
                    "accumulated %.3f, one piece %.3f, B=1 %.3f", parts, whole, one));
            bars.put(optimizer, List.of(one, whole, parts));
        }
        CategoryChart chart = Figure.bars("end loss on the same tokens", "", Figure.LOSS);
        List<String> labels = List.of("B = 1", "B = 16, one piece", "16 micro-batches");
        bars.forEach((name, values) -> Figure.bar(chart, name, labels, values));
        chart.getStyler().setYAxisMin(1.5);
        trial.figure("accumulation.png", 1, List.of(chart));
        return claims;
    }

    private static boolean accumulates(Cell cell) {
        return cell.microBatches() != null && cell.microBatches() > 1;
    }

    private static Cell inOnePiece(Cell cell) {
        return new Cell(cell.optimizer(), cell.batch(), cell.lr(), cell.beta1(), cell.t1(), cell.beta2(), cell.t2(),
                cell.weightDecay(), cell.tableLr(), cell.tableT1(), cell.weights(), 1, cell.clip(), cell.settings(),
                cell.seed());
    }

    /** The parameters after some steps both ways, the first of a run ten times as long. */
    private static Claim sameTrajectory(Scale scale, TextBlocks text, Cell cell) {
        double worst = 0;
        try (Backend backend = Backends.open("auto", new BackendOptions(1))) {
            List<float[]> parts = parameters(scale, text, cell, backend.kernels());
            List<float[]> whole = parameters(scale, text, inOnePiece(cell), backend.kernels());
            for (int i = 0; i < parts.size(); i++) {
                worst = Math.max(worst, difference(parts.get(i), whole.get(i)));
            }
        }
        return Claim.of("E9", Format.text("%s: after %d steps the parameters are those of the batch in one piece, to %s of the"
                + " largest", cell.optimizer(), STEPS, EQUAL), worst <= EQUAL, "largest difference %.1e", worst);
    }

    private static List<float[]> parameters(Scale scale, TextBlocks text, Cell cell, Kernels kernels) {
        try (CellRun run = new CellRun(scale, cell, 10 * STEPS, kernels)) {
            BatchSource source = text.training(cell.batch(), cell.batch(), cell.seed());
            for (int step = 0; step < STEPS; step++) {
                run.train(source, step);
            }
            return run.weights();
        }
    }

    private static double difference(float[] a, float[] b) {
        double largest = 0;
        double difference = 0;
        for (int i = 0; i < a.length; i++) {
            largest = Math.max(largest, Math.abs(b[i]));
            difference = Math.max(difference, Math.abs(a[i] - b[i]));
        }
        return difference / largest;
    }

    private static Claim memory(Scale scale, Cell cell) {
        long gradients = CellRun.plan(scale, cell, false).gradients();
        long none = CellRun.plan(scale, inOnePiece(cell), false).gradients();
        double perParameter = (gradients - none) / (double) scale.model().parameterCount();
        return Claim.of("C16", cell.optimizer() + ": accumulation keeps one more F32 number for each parameter",
                Math.abs(perParameter - Float.BYTES) < 0.05, "%.2f bytes per parameter", perParameter);
    }
}
