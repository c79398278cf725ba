package dev.smallbatch.core.autograd;

import dev.smallbatch.core.tensor.Tensor;

/** Receives parameter gradients from {@link Tape#backward}. */
@FunctionalInterface
public interface GradientSink {
    /**
     * Called once per parameter, in the same order in every step, as soon as its last contribution is in.
     *
     * @param parameter may be changed here: nothing reads its value any more in this step
     * @param gradient the whole gradient, F32, shape of the parameter; its memory is reused after the call
     */
    void accept(Parameter parameter, Tensor gradient);
}
