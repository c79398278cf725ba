package dev.smallbatch.tck;

import dev.smallbatch.core.rand.Philox;
import java.util.Arrays;
import java.util.List;

/** Softmax cross entropy by its formula, in double. */
final class LossOracle {
    private static final double C_LOSS = 2;

    private LossOracle() {}

    /** Losses and gradient; rows of Vp logits of which the first V count. */
    static List<Expected> crossEntropy(double[] logits, int[] targets, int Vp, int V, double scale) {
        double[] losses = new double[targets.length];
        double[] lossScale = new double[losses.length];
        double[] gradient = new double[logits.length];
        double[] gradientScale = new double[logits.length];
        for (int n = 0; n < losses.length; n++) {
            if (targets[n] < 0) {
                continue;
            }
            double max = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < V; j++) {
                max = Math.max(max, logits[n * Vp + j]);
            }
            double sum = 0;
            for (int j = 0; j < V; j++) {
                sum += Math.exp(logits[n * Vp + j] - max);
            }
            double target = logits[n * Vp + targets[n]];
            losses[n] = Math.log(sum) + (max - target);
            lossScale[n] = 1 + Math.log(sum) + Math.abs(max) + Math.abs(target);
            for (int j = 0; j < V; j++) {
                int i = n * Vp + j;
                double p = Math.exp(logits[i] - max) / sum;
                double hit = j == targets[n] ? 1 : 0;
                gradient[i] = scale * (p - hit);
                gradientScale[i] = Math.abs(scale) * (p * (1 + max - logits[i]) + hit);
            }
        }
        return List.of(Expected.within(C_LOSS, V, losses, lossScale), Expected.within(C_LOSS, V, gradient, gradientScale));
    }

    /** The gradient with drawn labels for targets. */
    static List<Expected> drawTargets(double[] gradient, int[] targets, int Vp, int V, float scale, long key, long first) {
        double[] drawn = gradient.clone();
        for (int n = 0; n < targets.length; n++) {
            int target = n * Vp + targets[n];
            if (targets[n] < 0 || !Double.isFinite(Arrays.stream(gradient, n * Vp, n * Vp + V).sum())) {
                continue;
            }
            drawn[target] = (float) drawn[target] + scale;
            double sum = Arrays.stream(drawn, n * Vp, n * Vp + V).reduce(0, Double::sum);
            double limit = Integer.toUnsignedLong(Philox.word(key, first + n)) * 0x1p-32 * sum;
            int label = n * Vp;
            for (double reached = drawn[label]; reached <= limit; reached += drawn[label]) {
                label++;
            }
            drawn[label] = label == target ? gradient[target] : (float) drawn[label] - scale;
        }
        return List.of(Expected.exact(drawn));
    }
}
