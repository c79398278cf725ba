package dev.smallbatch.core.spi;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The checks of norms, activations and attention. */
class CheckedLayersTest extends CheckedKernelsFixture {
    /** B 2, T 3, 4 heads on 2 of keys and values, D 6: 48 packed columns. */
    private static final AttentionSpec SPEC = new AttentionSpec(2, 3, 4, 2, 6);

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
        void qkNormBackwardMayOverwriteDoutButNotH() {
            Tensor d = f32(6, 48);
            assertDoesNotThrow(() -> kernels.norm().qkNormBackward(d, d, f32(6, 48), f32(6, 6), SPEC));
            refused("qkNormBackward: output dx (6, 48) overlaps h (6, 48); give it memory of its own",
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
}
