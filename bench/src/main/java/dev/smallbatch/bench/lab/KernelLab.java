package dev.smallbatch.bench.lab;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.core.spi.Kernels;
import java.util.List;

/**
 * A kernel to be looked at.
 *
 * @param name on the command line
 * @param about what it computes, and where in a step
 * @param timed the sizes it is timed with
 * @param checked odd sizes it is checked with as well: around vectors, tiles and blocks, where mistakes are
 * @param factory makes its versions for given sizes
 */
public record KernelLab(String name, String about, int[] timed, List<int[]> checked, Factory factory) {
    /** Every kernel of the lab. */
    public static final List<KernelLab> ALL = List.of(
            new KernelLab("sgemm", "C = A B, (M, K) by (K, N), as the gradient of the input of lm11m's UP",
                    new int[] {512, 384, 1536}, List.of(new int[] {1, 1, 1}, new int[] {5, 33, 7}, new int[] {17, 31, 257},
                            new int[] {67, 129, 513}), Sgemm::new),
            new KernelLab("cross-entropy", "losses and gradient of logits (N, V), as 32 rows of lm11m's",
                    new int[] {32, 50_257}, List.of(new int[] {1, 1}, new int[] {3, 17}, new int[] {5, 1023}),
                    CrossEntropyLab::new),
            new KernelLab("rmsnorm", "each of N rows of C divided by its root mean square, as in lm11m", new int[] {512, 384},
                    List.of(new int[] {1, 1}, new int[] {3, 17}, new int[] {7, 255}), RmsNormLab::new),
            new KernelLab("adamw", "the update of n parameters, as of lm11m's head", new int[] {50_257 * 384},
                    List.of(new int[] {1}, new int[] {17}, new int[] {40_001}), AdamWLab::new));

    /** Makes the versions of a kernel. */
    @FunctionalInterface
    public interface Factory {
        /**
         * Allocates the operands; called twice, the first time with operands that have no memory.
         *
         * @param one the shipped kernels with one thread
         * @param all with all of them
         */
        LabCase create(int[] sizes, Operands operands, Kernels one, Kernels all);
    }
}
