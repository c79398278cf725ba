package dev.smallbatch.tck;

import dev.smallbatch.core.spi.DynamicMap;
import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.core.spi.UpdateKernels;
import java.util.List;

/**
 * Updates with 8-bit state: {@link UpdateOracle} on what the codes stand for, and the codes of what it answers. A code may be any
 * of those that the rounding of the number and of its block's scale could lead to, usually a single one.
 */
final class QuantizedUpdateOracle {
    private QuantizedUpdateOracle() {}

    static List<Expected> momentum(OpCase o, Quantization how, boolean sign) {
        List<Expected> plain = UpdateOracle.momentum(decoded(o, "m", DynamicMap.SIGNED, how), sign);
        return List.of(plain.get(0), codes(plain.get(1), DynamicMap.SIGNED, how), scales(plain.get(1), how));
    }

    static List<Expected> root(OpCase o, Quantization how) {
        List<Expected> plain = UpdateOracle.root(decoded(o, "v", DynamicMap.SIGNED, how));
        return List.of(plain.get(0), codes(plain.get(1), DynamicMap.SIGNED, how), scales(plain.get(1), how));
    }

    static List<Expected> adamW(OpCase o, Quantization how) {
        OpCase moments = decoded(o, "m", DynamicMap.SIGNED, how);
        List<Expected> plain = UpdateOracle.adamW(decoded(moments, "v", DynamicMap.UNSIGNED, how));
        return List.of(plain.get(0), codes(plain.get(1), DynamicMap.SIGNED, how), scales(plain.get(1), how),
                codes(plain.get(2), DynamicMap.UNSIGNED, how), scales(plain.get(2), how));
    }

    private static OpCase decoded(OpCase o, String name, DynamicMap map, Quantization how) {
        int[] codes = o.bits(name);
        double[] scales = o.get(name + "Scale");
        float[] values = new float[codes.length];
        for (int i = 0; i < codes.length; i++) {
            values[i] = map.value(codes[i]) * (float) scales[i / how.block()];
        }
        return o.with(name, values);
    }

    private static Expected scales(Expected state, Quantization how) {
        int n = state.value().length;
        Expected scales = Expected.exact(new double[(int) how.blocks(n)]);
        for (int i = 0; i < n; i++) {
            int block = i / how.block();
            scales.value()[block] = Math.max(scales.value()[block], Math.abs(state.value()[i]));
            scales.bound()[block] = Math.max(scales.bound()[block], state.bound()[i]);
        }
        return scales;
    }

    private static Expected codes(Expected state, DynamicMap map, Quantization how) {
        Expected scales = scales(state, how);
        int n = state.value().length;
        Expected codes = Expected.exact(new double[n]);
        for (int i = 0; i < n; i++) {
            double scale = Math.max(scales.value()[i / how.block()], Quantization.SMALLEST_SCALE);
            double y = state.value()[i] / scale;
            double rounded = state.bound()[i] + Math.abs(y) * scales.bound()[i / how.block()];
            double off = rounded / scale + 2 * Expected.UNIT * Math.abs(y);
            int low = code(y - off, map, how);
            int high = code(y + off, map, how);
            codes.value()[i] = (low + high) / 2.0;
            codes.bound()[i] = (high - low) / 2.0;
        }
        return codes;
    }

    /** By counting the midpoints below. */
    static int code(double y, DynamicMap map, Quantization how) {
        int code = 0;
        for (int i = 0; i < DynamicMap.LAST; i++) {
            float midpoint = (map.value(i) + map.value(i + 1)) / 2;
            code += midpoint < y ? 1 : 0;
        }
        boolean negative = y < 0 || 1 / y < 0;
        return how.preserveSign() && negative && map.value(code) == 0 && code > 0 ? code - 1 : code;
    }

    /** The slots of a step that sets the moment to the gradient and leaves the parameter alone. */
    static float[] copying() {
        float[] s = new float[UpdateKernels.MOMENTUM_SLOTS];
        s[UpdateKernels.GRADIENT_SCALE] = 1;
        s[UpdateKernels.TAKE] = 1;
        return s;
    }
}
