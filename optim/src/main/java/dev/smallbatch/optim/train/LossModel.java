package dev.smallbatch.optim.train;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Var;
import java.util.List;

/** What training needs to know of a model. */
public interface LossModel {
    /** Everything that is trained, in the same order every time; names are unique. */
    List<Parameter> parameters();

    /**
     * The forward pass with its loss.
     *
     * @param batch tokens and targets, both (B, T)
     * @param scale of the gradient, to be handed to {@link Ops#crossEntropy}
     * @return the result of {@code crossEntropy}: one unscaled loss per target, 0 where the target is -1
     */
    Var loss(Ops ops, Batch batch, float scale);
}
