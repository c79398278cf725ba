package dev.smallbatch.core.spi;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What the checks refuse and in which words, and what they let pass; on the back end that computes nothing. */
class CheckedKernelsTest {
    /** B 2, T 3, 4 heads on 2 of keys and values, D 6: 48 packed columns. */
    private static final AttentionSpec SPEC = new AttentionSpec(2, 3, 4, 2, 6);

    private final Region region = Region.create("test", 1 << 18);
    private final Backend backend = Backends.open("none", new BackendOptions(1));
    private final Kernels kernels = backend.kernels();

    @AfterEach
    void close() {
        backend.close();
        region.close();
    }

    private Tensor f32(long... dims) {
        return region.allocate(DType.F32, Shape.of(dims));
    }

    private Tensor i32(long... dims) {
        return region.allocate(DType.I32, Shape.of(dims));
    }

    private static void refused(String message, Executable call) {
        assertEquals(message, assertThrows(ShapeException.class, call).getMessage());
    }

    /** Two overlapping tensors of {@code dims}, the second one row further. */
    private Tensor[] shifted(long... dims) {
        long[] longer = dims.clone();
        longer[0]++;
        Tensor whole = f32(longer);
        return new Tensor[] {whole.rows(0, dims[0]), whole.rows(1, dims[0] + 1)};
    }

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
    class Norm {
        @Test
        void statisticsHoldOneValuePerRow() {
            refused("layerNorm: rstd (3) holds 3 values, expected 2, one for each row of x (2, 4)",
                    () -> kernels.norm().layerNorm(f32(2, 4), f32(2), f32(3), f32(2, 4), f32(4), f32(4), 1e-5f));
        }

        @Test
        void outputsDoNotOverlapEachOther() {
            Tensor both = f32(2);
            refused("layerNorm: output mean (2) overlaps rstd (2); give it memory of its own",
                    () -> kernels.norm().layerNorm(f32(2, 4), both, both, f32(2, 4), f32(4), f32(4), 1e-5f));
        }

        @Test
        void layerNormDoesNotWorkInPlace() {
            Tensor x = f32(2, 4);
            refused("layerNorm: output out (2, 4) overlaps x (2, 4); give it memory of its own",
                    () -> kernels.norm().layerNorm(x, f32(2), f32(2), x, f32(4), f32(4), 1e-5f));
        }

        @Test
        void weightGradientComesExactlyWithAWeight() {
            refused("rmsNormBackward: dweight null with weight (4); give both or neither",
                    () -> kernels.norm().rmsNormBackward(f32(2, 4), null, f32(2, 4), f32(2, 4), f32(4), f32(2)));
            refused("rmsNormBackward: dweight (4) with weight null; give both or neither",
                    () -> kernels.norm().rmsNormBackward(f32(2, 4), f32(4), f32(2, 4), f32(2, 4), null, f32(2)));
            assertDoesNotThrow(() -> kernels.norm().rmsNormBackward(f32(2, 4), null, f32(2, 4), f32(2, 4), null, f32(2)));
        }

        @Test
        void gradientsHaveTheShapeOfTheirInputs() {
            refused("layerNormBackward: column counts differ: x (2, 4) against dout (2, 5); x has 4 columns, dout has 5",
                    () -> kernels.norm().layerNormBackward(f32(2, 4), f32(4), f32(4), f32(2, 5), f32(2, 4), f32(4), f32(2),
                            f32(2)));
        }

        @Test
        void qkNormTakesItsSizesFromTheSpec() {
            refused("qkNorm: x (2, 3, 47) is a 6 by 47 matrix, expected 6 by 48 for " + SPEC,
                    () -> kernels.norm().qkNorm(f32(2, 3, 48), f32(2, 3, 6), f32(2, 3, 47), SPEC, 1e-6f));
            refused("qkNorm: rstd (2, 3, 4) is a 6 by 4 matrix, expected 6 by 6 for " + SPEC,
                    () -> kernels.norm().qkNorm(f32(2, 3, 48), f32(2, 3, 4), f32(2, 3, 48), SPEC, 1e-6f));
        }

        @Test
        void qkNormMayWorkInPlaceButNotShifted() {
            Tensor x = f32(6, 48);
            assertDoesNotThrow(() -> kernels.norm().qkNorm(x, f32(2, 3, 6), x.reshape(Shape.of(2, 3, 48)), SPEC, 1e-6f));
            Tensor[] shifted = shifted(6, 48);
            refused("qkNorm: output out (6, 48) overlaps x (6, 48); give it memory of its own",
                    () -> kernels.norm().qkNorm(shifted[0], f32(2, 3, 6), shifted[1], SPEC, 1e-6f));
        }

        @Test
        void qkNormBackwardMayOverwriteDoutButNotX() {
            Tensor d = f32(6, 48);
            assertDoesNotThrow(() -> kernels.norm().qkNormBackward(d, d, f32(6, 48), f32(6, 6), SPEC));
            refused("qkNormBackward: output dx (6, 48) overlaps x (6, 48); give it memory of its own",
                    () -> kernels.norm().qkNormBackward(d, f32(6, 48), d, f32(6, 6), SPEC));
        }
    }

    @Nested
    class Activations {
        @Test
        void haveOneShape() {
            refused("activate: row counts differ: x (2, 4) against out (3, 4); x has 2 rows, out has 3",
                    () -> kernels.activation().activate(f32(3, 4), f32(2, 4), Activation.SILU));
        }

        @Test
        void mayWorkInPlaceButNotShifted() {
            Tensor x = f32(2, 4);
            assertDoesNotThrow(() -> kernels.activation().activate(x, x, Activation.SILU));
            Tensor[] shifted = shifted(2, 4);
            refused("activate: output out (2, 4) overlaps x (2, 4); give it memory of its own",
                    () -> kernels.activation().activate(shifted[0], shifted[1], Activation.SILU));
        }

        @Test
        void backwardMayOverwriteDoutButNotX() {
            Tensor d = f32(2, 4);
            assertDoesNotThrow(() -> kernels.activation().activateBackward(d, d, f32(2, 4), Activation.SILU));
            refused("activateBackward: output dx (2, 4) overlaps x (2, 4); give it memory of its own",
                    () -> kernels.activation().activateBackward(d, f32(2, 4), d, Activation.SILU));
        }

        @Test
        void needAKind() {
            assertEquals("activate: kind is null", assertThrows(IllegalArgumentException.class,
                    () -> kernels.activation().activate(f32(2), f32(2), null)).getMessage());
        }
    }

    @Nested
    class Attention {
        private final AttentionSpec step = new AttentionSpec(2, 1, 4, 2, 6);

        @Test
        void resultsTakeTheirSizesFromTheSpec() {
            refused("attention: lse (2, 3, 4) is a 6 by 4 matrix, expected 8 by 3 for " + SPEC,
                    () -> kernels.attention().attention(f32(2, 3, 24), f32(2, 3, 4), f32(2, 3, 48), SPEC));
            refused("attention: out (2, 3, 48) is a 6 by 48 matrix, expected 6 by 24 for " + SPEC,
                    () -> kernels.attention().attention(f32(2, 3, 48), f32(2, 4, 3), f32(2, 3, 48), SPEC));
        }

        @Test
        void rotationTablesBelongToTheTimesOfTheSpec() {
            refused("rope: sin (4, 3) is a 4 by 3 matrix, expected 3 by 3 for " + SPEC,
                    () -> kernels.attention().rope(f32(2, 3, 48), f32(2, 3, 48), f32(3, 3), f32(4, 3), SPEC, false));
        }

        @Test
        void rotationMayWorkInPlace() {
            Tensor x = f32(2, 3, 48);
            assertDoesNotThrow(() -> kernels.attention().rope(x, x, f32(3, 3), f32(3, 3), SPEC, true));
        }

        @Test
        void gradientOverlapsNothing() {
            Tensor qkv = f32(2, 3, 48);
            refused("attentionBackward: output dqkv (2, 3, 48) overlaps qkv (2, 3, 48); give it memory of its own",
                    () -> kernels.attention().attentionBackward(qkv, f32(2, 3, 24), f32(2, 3, 24), f32(2, 4, 3), qkv, SPEC));
        }

        @Test
        void decodingNeedsALengthWithinTheCache() {
            for (int length : new int[] {0, 8}) {
                refused("attentionDecode: length " + length + " is outside [1, 7], the capacity of keys (2, 7, 12)",
                        () -> decode(f32(2, 7, 12), f32(2, 7, 12), length, step));
            }
            assertDoesNotThrow(() -> decode(f32(2, 7, 12), f32(2, 7, 12), 7, step));
        }

        @Test
        void decodingTakesOneTime() {
            refused("attentionDecode: one new position at a time, not 3: " + SPEC,
                    () -> decode(f32(2, 7, 12), f32(2, 7, 12), 7, SPEC));
        }

        @Test
        void cachesHaveOneShape() {
            refused("attentionDecode: keys (2, 7, 24), expected (2, capacity, 12) for " + step,
                    () -> decode(f32(2, 7, 24), f32(2, 7, 12), 1, step));
            refused("attentionDecode: capacities differ: keys (2, 7, 12) against values (2, 8, 12)",
                    () -> decode(f32(2, 7, 12), f32(2, 8, 12), 1, step));
        }

        private void decode(Tensor keys, Tensor values, int length, AttentionSpec spec) {
            kernels.attention().attentionDecode(f32(2, 24), f32(2, 48), keys, values, length, spec);
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
            refused("sgdStep: s (10) holds 10 values, expected 4",
                    () -> kernels.update().sgdStep(f32(5), null, f32(5), f32(10)));
            refused("adamWStep: s (4) holds 4 values, expected 10",
                    () -> kernels.update().adamWStep(f32(5), f32(5), f32(5), f32(5), f32(4)));
        }

        @Test
        void stateHasTheShapeOfTheParameter() {
            refused("sgdStep: column counts differ: p (5) against m (6); p has 5 columns, m has 6",
                    () -> kernels.update().sgdStep(f32(5), f32(6), f32(5), f32(4)));
        }

        @Test
        void stateDoesNotOverlap() {
            Tensor both = f32(5);
            refused("adamWStep: output m (5) overlaps v (5); give it memory of its own",
                    () -> kernels.update().adamWStep(f32(5), both, both, f32(5), f32(10)));
            refused("sgdStep: output p (5) overlaps g (5); give it memory of its own",
                    () -> kernels.update().sgdStep(both, null, both, f32(4)));
        }
    }
}
