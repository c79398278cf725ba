package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Rounding;

/**
 * How one BF16 parameter is rounded when it is written back; it means nothing for an F32 parameter. The random bits are a
 * function of seed, parameter, step and element, so that they need no state to resume from. With nearest rounding, updates
 * below half a unit in the last of 8 bits are lost: at small batch sizes that is most of them.
 *
 * @param mode stochastic, unless to show why
 * @param key of the parameter's random bits, the same in every step
 */
public record WeightRounding(Rounding mode, long key) {
    /** The rounding of a parameter in a run: its key is {@code seed / "round" / name}. */
    public static WeightRounding of(Rounding mode, long seed, Parameter parameter) {
        return new WeightRounding(mode, RandomKey.of(seed).fork("round").fork(parameter.name()).bits());
    }
}
