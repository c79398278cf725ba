package dev.smallbatch.tck;

import dev.smallbatch.core.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** NaN and infinity planted into one element of one argument: they come out exactly where the oracle says. */
final class Planted {
    private static final int PLACES = 3;

    private Planted() {}

    /** The same call with {@code poison} in the first, the last and a random element of every argument of a float type that is read. */
    static Stream<OpCase> in(OpCase c, float poison) {
        List<OpCase> calls = new ArrayList<>();
        for (Arg arg : c.args()) {
            boolean integers = arg.dtype() == DType.I32 || arg.dtype() == DType.U8;
            if (arg.isAbsent() || arg.role() == Role.WRITTEN || integers || arg.bits().length == 0
                    || derivativeAtInfinity(c, arg, poison)) {
                continue;
            }
            SplittableRandom random = new SplittableRandom(c.seed(arg.name()));
            int[] places = {0, arg.bits().length - 1, random.nextInt(arg.bits().length)};
            for (int i = 0; i < PLACES; i++) {
                int[] bits = arg.bits().clone();
                bits[places[i]] = Bits.of(arg.dtype(), poison);
                calls.add(c.with(arg.name(), bits).titled(arg.name() + "[" + places[i] + "] = " + poison));
            }
        }
        return calls.stream();
    }

    /** The formulas of the derivatives give NaN there, though each has a limit: a back end may give either. */
    private static boolean derivativeAtInfinity(OpCase c, Arg arg, float poison) {
        return Float.isInfinite(poison) && c.op().equals("activateBackward") && arg.name().equals("x");
    }

    /**
     * Null if the outputs are finite and not finite where the oracle's are. Whether infinity becomes NaN on the way
     * depends on the form of a formula, so it counts as not finite.
     */
    static String compare(OpCase c, CaseRunner.Outcome outcome) {
        List<Arg> outputs = c.args().stream().filter(Arg::isOutput).toList();
        List<Expected> expected = c.expected();
        for (int o = 0; o < outputs.size(); o++) {
            double[] actual = Bits.toDoubles(outputs.get(o).dtype(), outcome.outputs().get(o));
            double[] oracle = expected.get(o).value();
            for (int i = 0; i < actual.length; i++) {
                if (Double.isFinite(actual[i]) != Float.isFinite((float) oracle[i])) {
                    return "%s[%d] is %s, the oracle says %s".formatted(outputs.get(o).name(), i, actual[i], oracle[i]);
                }
            }
        }
        return null;
    }
}
