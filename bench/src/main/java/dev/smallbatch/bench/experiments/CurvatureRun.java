package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.curvature.Lanczos;
import dev.smallbatch.optim.curvature.Spectrum;
import dev.smallbatch.optim.curvature.SymmetricOperator;
import dev.smallbatch.optim.train.BatchSource;
import dev.smallbatch.optim.train.NonFiniteLossException;
import java.util.List;

/** Measures the curvature of a trained model's loss on batches, and which learning rates of SGD are stable there. */
final class CurvatureRun {
    private static final int MICRO_BATCH = 64;
    private static final int REFERENCE = 1024;
    private static final int STABLE_STEPS = 64;
    private static final int LAST = 16;
    private static final int TO_AN_OCTAVE = 4;
    private static final int OCTAVES = 16;
    private static final double LOWEST_RATE = 1.0 / 256;
    private static final double WORSE = 0.3;

    private final Scale scale;
    private final TextBlocks text;
    private final List<float[]> weights;

    CurvatureRun(Scale scale, TextBlocks text, List<float[]> weights) {
        this.scale = scale;
        this.text = text;
        this.weights = weights;
    }

    /**
     * What is measured.
     *
     * @param part random or spiked: see {@link RandomMatrix}; largest or density: of the Hessian on a batch; noise: of the
     *     difference from that on 1024 sequences; stable: largest stable rate
     * @param batch sequences, or rows of a random matrix
     * @param steps of Lanczos' method; 0 where it is not used
     */
    record Spot(String part, int batch, int steps, long seed) {}

    /**
     * What came out.
     *
     * @param values eigenvalues with weights; or numbers without
     */
    record Seen(double[] values, double[] weights) {
        Seen(double... numbers) {
            this(numbers, new double[0]);
        }

        @JsonIgnore
        Spectrum spectrum() {
            return new Spectrum(values, weights);
        }
    }

    Seen measure(Spot spot, Kernels kernels) {
        return switch (spot.part()) {
            case "random" -> new Seen(new RandomMatrix(spot.batch(), 1, key(spot)).measure());
            case "spiked" -> new Seen(new RandomMatrix(spot.batch(), RandomMatrix.SPIKE, key(spot)).measure());
            case "noise" -> noise(spot, kernels);
            case "stable" -> stable(spot, kernels);
            default -> {
                try (CellRun run = at(spot.batch(), 0, kernels)) {
                    yield lanczos(spot, run.hessian(fresh(spot)));
                }
            }
        };
    }

    private CellRun at(int batch, double lr, Kernels kernels) {
        Cell cell = new Cell("sgd", batch, lr, null, null, null, null, null, null, null, null,
                Math.ceilDiv(batch, MICRO_BATCH), null, null, 0);
        CellRun run = new CellRun(scale, cell, peak -> step -> peak, kernels);
        run.load(weights);
        return run;
    }

    private BatchSource fresh(Spot spot) {
        return text.training(spot.batch(), 1, 1000 + spot.seed());
    }

    private static RandomKey key(Spot spot) {
        return RandomKey.of(spot.seed()).at(spot.batch());
    }

    private Seen lanczos(Spot spot, SymmetricOperator operator) {
        long size = scale.model().parameterCount();
        try (Region memory = Region.create("lanczos", Lanczos.bytes(size, spot.steps(), true))) {
            Spectrum spectrum = new Lanczos(size, spot.steps(), true, memory).run(operator, key(spot));
            return new Seen(spectrum.values(), spectrum.weights());
        }
    }

    private Seen noise(Spot spot, Kernels kernels) {
        Shape size = Shape.of(scale.model().parameterCount());
        try (CellRun some = at(spot.batch(), 0, kernels); CellRun many = at(REFERENCE, 0, kernels);
                Region memory = Region.create("product", Region.bytesFor(DType.F32, size))) {
            SymmetricOperator batch = some.hessian(fresh(spot));
            SymmetricOperator all = many.hessian(text.training(REFERENCE, 1, 0));
            Tensor product = memory.allocate(DType.F32, size);
            return lanczos(spot, (x, y) -> {
                batch.apply(x, y);
                all.apply(x, product);
                kernels.elementwise().axpy(y, -1, product);
            });
        }
    }

    /** The largest rate whose last losses are not much above those of a tiny one; by halving, to a quarter of an octave. */
    private Seen stable(Spot spot, Kernels kernels) {
        BatchSource source = fresh(spot);
        double limit = train(spot, source, LOWEST_RATE, kernels) + WORSE;
        int stable = 0;
        for (int unstable = OCTAVES * TO_AN_OCTAVE; unstable - stable > 1;) {
            int middle = (stable + unstable) / 2;
            if (train(spot, source, rate(middle), kernels) <= limit) {
                stable = middle;
            } else {
                unstable = middle;
            }
        }
        return new Seen(rate(stable));
    }

    private static double rate(int quarter) {
        return LOWEST_RATE * Math.pow(2, (double) quarter / TO_AN_OCTAVE);
    }

    private double train(Spot spot, BatchSource source, double lr, Kernels kernels) {
        try (CellRun run = at(spot.batch(), lr, kernels)) {
            double sum = 0;
            for (int step = 0; step < STABLE_STEPS; step++) {
                double loss = run.train(source, step);
                sum += step >= STABLE_STEPS - LAST ? loss : 0;
            }
            return sum / LAST;
        } catch (NonFiniteLossException diverged) {
            return Double.POSITIVE_INFINITY;
        }
    }
}
