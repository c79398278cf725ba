package dev.smallbatch.core.spi;

import static dev.smallbatch.core.spi.Rounding.NEAREST_EVEN;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The checks of every kernel, and of products, look-ups, losses, elementwise operations and updates. */
class CheckedKernelsTest extends CheckedKernelsFixture {
    @Nested
    class EveryKernel {
        @Test
        void needsItsTensors() {
            IllegalArgumentException refused = assertThrows(IllegalArgumentException.class,
                    () -> kernels.matmul().linear(f32(4, 3), f32(4, 2), null, null));
            assertEquals("linear: weight is null", refused.getMessage());
        }

        @Test
        void refusesTensorsOfAClosedRegion() {
            Region other = Region.create("other", 1024);
            Tensor dead = other.allocate(DType.F32, Shape.of(4));
            other.close();
            IllegalStateException refused = assertThrows(IllegalStateException.class,
                    () -> kernels.elementwise().axpy(f32(4), 1, dead));
            assertEquals("axpy: the region of x (4) is closed", refused.getMessage());
        }

        @Test
        void refusesOtherElementTypes() {
            refused("axpy: x (4) has element type i32, expected f32", () -> kernels.elementwise().axpy(f32(4), 1, i32(4)));
            refused("embed: tokens (1, 4) has element type f32, expected i32",
                    () -> kernels.embedding().embed(f32(1, 4, 2), f32(1, 4), f32(9, 2), null));
        }

        @Test
        void seesShapesAsRowsByColumns() {
            assertDoesNotThrow(() -> kernels.elementwise().add(f32(2, 3, 4), f32(6, 4), f32(1, 2, 3, 4)));
        }

        @Test
        void passesPlannedTensorsThatFit() {
            try (Region counting = Region.counting("plan")) {
                Tensor x = counting.allocate(DType.F32, Shape.of(4, 2));
                Tensor weight = counting.allocate(DType.F32, Shape.of(3, 2));
                Tensor out = counting.allocate(DType.F32, Shape.of(4, 3));
                assertDoesNotThrow(() -> kernels.matmul().linear(out, x, weight, null));
                refused("linear: inner sizes differ: x (4, 2) against weight (4, 3)^T; x has 2 columns, weight expects 3",
                        () -> kernels.matmul().linear(out, x, out, null));
            }
        }

        @Test
        void passesPlannedTensorsThatAreWorkedOnInPlace() {
            try (Region counting = Region.counting("plan")) {
                Tensor x = counting.allocate(DType.F32, Shape.of(4, 2));
                assertDoesNotThrow(() -> kernels.activation().activate(x, x, Activation.SILU));
            }
        }
    }

    @Nested
    class Matmul {
        @Test
        void linearNamesBothInnerSizes() {
            refused("linear: inner sizes differ: x (1024, 768) against weight (30, 512)^T; x has 768 columns, weight expects 512",
                    () -> {
                        try (Region counting = Region.counting("plan")) {
                            kernels.matmul().linear(counting.allocate(DType.F32, Shape.of(1024, 30)),
                                    counting.allocate(DType.F32, Shape.of(1024, 768)),
                                    counting.allocate(DType.F32, Shape.of(30, 512)), null);
                        }
                    });
        }

        @Test
        void linearNamesTheExpectedOutput() {
            refused("linear: out (4, 5) is a 4 by 5 matrix, expected 4 by 3 for x (4, 2) times weight (3, 2)^T",
                    () -> kernels.matmul().linear(f32(4, 5), f32(4, 2), f32(3, 2), null));
        }

        @Test
        void linearNeedsOneBiasPerColumn() {
            refused("linear: bias (4) holds 4 values, expected 3, one for each column of out (4, 3)",
                    () -> kernels.matmul().linear(f32(4, 3), f32(4, 2), f32(3, 2), f32(4)));
        }

        @Test
        void linearOutputIsNeverItsInput() {
            Tensor x = f32(4, 4);
            refused("linear: output out (4, 4) overlaps x (4, 4); give it memory of its own",
                    () -> kernels.matmul().linear(x, x, f32(4, 4), null));
        }

        @Test
        void productsCompareInnerSizesAfterTransposing() {
            assertDoesNotThrow(() -> product(f32(2, 3), f32(5, 2), Transpose.YES, f32(3, 5), Transpose.YES, 1));
            refused("matmul: inner sizes differ: a (5, 2)^T against b (3, 4)^T; a has inner size 5, b has 4",
                    () -> product(f32(2, 3), f32(5, 2), Transpose.YES, f32(3, 4), Transpose.YES, 0));
            refused("matmul: out (3, 2) is a 3 by 2 matrix, expected 2 by 3 for a (2, 5) times b (5, 3)",
                    () -> product(f32(3, 2), f32(2, 5), Transpose.NO, f32(5, 3), Transpose.NO, 0));
        }

        @Test
        void productsMayHaveNoInnerSize() {
            assertDoesNotThrow(() -> product(f32(2, 3), f32(2, 0), Transpose.NO, f32(0, 3), Transpose.NO, 0));
        }

        @Test
        void betaIsZeroOrOne() {
            refused("matmul: beta is 0.5; it must be 0 (overwrite) or 1 (accumulate)",
                    () -> product(f32(2, 2), f32(2, 2), Transpose.NO, f32(2, 2), Transpose.NO, 0.5f));
            refused("matmul: beta is NaN; it must be 0 (overwrite) or 1 (accumulate)",
                    () -> product(f32(2, 2), f32(2, 2), Transpose.NO, f32(2, 2), Transpose.NO, Float.NaN));
        }

        @Test
        void bothFactorsMayBeTheSame() {
            Tensor a = f32(3, 3);
            assertDoesNotThrow(() -> product(f32(3, 3), a, Transpose.NO, a, Transpose.YES, 0));
        }

        private void product(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float beta) {
            kernels.matmul().matmul(out, a, ta, b, tb, 1, beta);
        }

        @Test
        void biasGradientHasOneValuePerColumn() {
            refused("biasBackward: dbias (4) holds 4 values, expected 3, one for each column of dout (2, 3)",
                    () -> kernels.matmul().biasBackward(f32(4), f32(2, 3)));
        }
    }

    @Nested
    class Embedding {
        @Test
        void everyTokenHasARowOfTheOutput() {
            refused("embed: tokens (2, 3) holds 6 values, expected 8, one for each row of out (2, 4, 5)",
                    () -> kernels.embedding().embed(f32(2, 4, 5), i32(2, 3), f32(9, 5), null));
        }

        @Test
        void tableAndOutputHaveTheSameColumns() {
            refused("embed: column counts differ: out (2, 3, 5) against table (9, 6); out has 5 columns, table has 6",
                    () -> kernels.embedding().embed(f32(2, 3, 5), i32(2, 3), f32(9, 6), null));
        }

        @Test
        void positionsReachToTheEndOfTheSequence() {
            refused("embed: positions (2, 5) are too few for sequences of 3 tokens: tokens (2, 3)",
                    () -> kernels.embedding().embed(f32(2, 3, 5), i32(2, 3), f32(9, 5), f32(2, 5)));
            assertDoesNotThrow(() -> kernels.embedding().embed(f32(2, 3, 5), i32(2, 3), f32(9, 5), f32(4, 5)));
        }

        @Test
        void gradientsOverlapNothing() {
            Tensor d = f32(6, 5);
            refused("embedBackward: output dtable (6, 5) overlaps dout (6, 5); give it memory of its own",
                    () -> kernels.embedding().embedBackward(d, null, d, i32(2, 3)));
        }
    }

    @Nested
    class Loss {
        @Test
        void everyRowHasATargetAndALoss() {
            refused("crossEntropy: targets (3) holds 3 values, expected 4, one for each row of logits (4, 9)",
                    () -> crossEntropy(f32(4), null, f32(4, 9), i32(3), 9));
            refused("crossEntropy: losses (5) holds 5 values, expected 4, one for each row of logits (4, 9)",
                    () -> crossEntropy(f32(5), null, f32(4, 9), i32(4), 9));
        }

        @Test
        void theVocabularyLiesWithinTheColumns() {
            for (int vocabulary : new int[] {0, 10}) {
                refused("crossEntropy: vocabulary " + vocabulary + " is outside [1, 9], the columns of logits (4, 9)",
                        () -> crossEntropy(f32(4), null, f32(4, 9), i32(4), vocabulary));
            }
        }

        @Test
        void theGradientMayReplaceTheLogits() {
            Tensor logits = f32(4, 9);
            assertDoesNotThrow(() -> crossEntropy(f32(4), logits, logits, i32(2, 2), 7));
            Tensor[] shifted = shifted(4, 9);
            refused("crossEntropy: output dlogits (4, 9) overlaps logits (4, 9); give it memory of its own",
                    () -> crossEntropy(f32(4), shifted[0], shifted[1], i32(4), 9));
        }

        @Test
        void lossesDoNotOverlapTheLogits() {
            Tensor logits = f32(4, 9);
            Tensor losses = logits.reshape(Shape.of(36)).rows(0, 4);
            refused("crossEntropy: output losses (4) overlaps logits (4, 9); give it memory of its own",
                    () -> crossEntropy(losses, null, logits, i32(4), 9));
        }

        private void crossEntropy(Tensor losses, Tensor dlogits, Tensor logits, Tensor targets, int vocabulary) {
            kernels.loss().crossEntropy(losses, dlogits, logits, targets, vocabulary, 1);
        }
    }

    @Nested
    class Elementwise {
        @Test
        void sumsMayReplaceATerm() {
            Tensor a = f32(2, 4);
            assertDoesNotThrow(() -> kernels.elementwise().add(a, a, f32(2, 4)));
            assertDoesNotThrow(() -> kernels.elementwise().add(a, f32(2, 4), a));
            assertDoesNotThrow(() -> kernels.elementwise().add(a, a, a));
        }

        @Test
        void sumsDoNotOverlapATermInPart() {
            Tensor[] shifted = shifted(2, 4);
            refused("add: output out (2, 4) overlaps b (2, 4); give it memory of its own",
                    () -> kernels.elementwise().add(shifted[0], shifted[0], shifted[1]));
        }

        @Test
        void axpyNeedsTwoTensors() {
            Tensor y = f32(4);
            refused("axpy: output y (4) overlaps x (4); give it memory of its own", () -> kernels.elementwise().axpy(y, 1, y));
        }

        @Test
        void fourPairsOfTypesConvert() {
            convert(DType.F32, DType.F32);
            convert(DType.F32, DType.BF16);
            convert(DType.BF16, DType.F32);
            convert(DType.F16, DType.F32);
            refused("convert: no conversion from F32 to F16, in (3); there are F32 to F32, F32 to BF16, BF16 to F32 and "
                    + "F16 to F32", () -> convert(DType.F32, DType.F16));
            assertThrows(ShapeException.class, () -> convert(DType.I32, DType.F32));
            assertThrows(ShapeException.class, () -> convert(DType.F32, DType.I32));
            assertThrows(ShapeException.class, () -> convert(DType.BF16, DType.BF16));
        }

        private void convert(DType from, DType to) {
            kernels.elementwise().convert(region.allocate(to, Shape.of(3)), region.allocate(from, Shape.of(3)),
                    Rounding.NEAREST_EVEN, 0);
        }

        @Test
        void aSumOfSquaresIsOneValue() {
            refused("sumOfSquares: result (2) holds 2 values, expected 1",
                    () -> kernels.elementwise().sumOfSquares(f32(2), f32(4)));
        }
    }

    @Nested
    class Update {
        @Test
        void stepScalarsHaveTheSizeOfTheRule() {
            refused("sgdStep: s (12) holds 12 values, expected 9",
                    () -> kernels.update().sgdStep(f32(5), null, f32(5), f32(12), NEAREST_EVEN, 0));
            refused("adamWStep: s (6) holds 6 values, expected 15",
                    () -> kernels.update().adamWStep(f32(5), f32(5), f32(5), f32(5), f32(6), NEAREST_EVEN, 0));
        }

        @Test
        void stateHasTheShapeOfTheParameter() {
            refused("sgdStep: column counts differ: p (5) against m (6); p has 5 columns, m has 6",
                    () -> kernels.update().sgdStep(f32(5), f32(6), f32(5), f32(9), NEAREST_EVEN, 0));
        }

        @Test
        void theParameterAloneMayBeBf16() {
            Tensor half = region.allocate(DType.BF16, Shape.of(5));
            kernels.update().sgdStep(half, f32(5), f32(5), f32(9), NEAREST_EVEN, 0);
            refused("sgdStep: m (5) has element type bf16, expected f32",
                    () -> kernels.update().sgdStep(f32(5), half, f32(5), f32(9), NEAREST_EVEN, 0));
            refused("sgdStep: p (5) has element type f16, expected f32 or bf16",
                    () -> kernels.update().sgdStep(region.allocate(DType.F16, Shape.of(5)), null, f32(5), f32(9), NEAREST_EVEN, 0));
        }

        @Test
        void stateDoesNotOverlap() {
            Tensor both = f32(5);
            refused("adamWStep: output m (5) overlaps v (5); give it memory of its own",
                    () -> kernels.update().adamWStep(f32(5), both, both, f32(5), f32(15), NEAREST_EVEN, 0));
            refused("sgdStep: output p (5) overlaps g (5); give it memory of its own",
                    () -> kernels.update().sgdStep(both, null, both, f32(9), NEAREST_EVEN, 0));
        }
    }
}
