package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.LabelDraw;
import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.LossKernels;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Cross entropy. Tasks are rows. */
final class ScalarLoss implements LossKernels {
    private static final int IGNORED = -1;

    private final Parallel parallel;

    ScalarLoss(Parallel parallel) {
        this.parallel = parallel;
    }

    /**
     * losses[n] = log sum_{j < V} exp(logits[n, j]) - logits[n, target],
     * dlogits[n, j] = scale (softmax_j(logits[n]) - [j = target]).
     */
    @Override
    public void crossEntropy(Tensor losses, Tensor dlogits, Tensor logits, Tensor targets, int vocabulary, float scale) {
        requireInVocabulary(targets, vocabulary);
        long Vp = logits.shape().cols();
        Floats lossOfRow = new Floats(losses);
        Floats dlogit = dlogits == null ? null : new Floats(dlogits);
        Floats logit = new Floats(logits);
        MemorySegment ids = targets.segment();
        Grid.split(parallel, logits.shape().rows(), 8 * Vp, (from, to) -> {
            for (long n = from; n < to; n++) {
                int target = ids.getAtIndex(ValueLayout.JAVA_INT, n);
                if (target == IGNORED) {
                    lossOfRow.set(n, 0);
                    zero(dlogit, n * Vp, (n + 1) * Vp);
                    continue;
                }
                double lse = logSumExp(logit, n * Vp, vocabulary);
                lossOfRow.set(n, lse - logit.get(n * Vp + target));
                if (dlogit != null) {
                    for (int j = 0; j < vocabulary; j++) {
                        double softmax = StrictMath.exp(logit.get(n * Vp + j) - lse);
                        dlogit.set(n * Vp + j, scale * (softmax - (j == target ? 1 : 0)));
                    }
                    zero(dlogit, n * Vp + vocabulary, (n + 1) * Vp);
                }
            }
        });
    }

    @Override
    public void drawTargets(Tensor dlogits, Tensor targets, int vocabulary, float scale, long key, long first) {
        LabelDraw.run(parallel, dlogits, targets, vocabulary, scale, key, first);
    }

    private static double logSumExp(Floats x, long start, int size) {
        double max = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < size; j++) {
            max = Math.max(max, x.get(start + j));
        }
        double sum = 0;
        for (int j = 0; j < size; j++) {
            sum += StrictMath.exp(x.get(start + j) - max);
        }
        return max + StrictMath.log(sum);
    }

    private static void zero(Floats x, long from, long to) {
        for (long i = from; x != null && i < to; i++) {
            x.set(i, 0);
        }
    }

    private static void requireInVocabulary(Tensor targets, int vocabulary) {
        MemorySegment ids = targets.segment();
        for (long n = 0; n < targets.numel(); n++) {
            int target = ids.getAtIndex(ValueLayout.JAVA_INT, n);
            if (target < IGNORED || target >= vocabulary) {
                throw new IllegalArgumentException("crossEntropy: target of row " + n + " is " + target + ", outside [0, "
                        + vocabulary + "), the vocabulary; -1 ignores a row");
            }
        }
    }
}
