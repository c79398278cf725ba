package dev.smallbatch.optim.train;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Var;
import java.util.List;

/** A model whose loss stays finite while its gradient becomes infinite, at one forward pass. */
final class Exploding implements LossModel {
    private final LossModel model;
    private final int at;
    private int calls;

    Exploding(LossModel model, int at) {
        this.model = model;
        this.at = at;
    }

    @Override
    public List<Parameter> parameters() {
        return model.parameters();
    }

    @Override
    public Var loss(Ops ops, Batch batch, float scale) {
        return model.loss(ops, batch, calls++ == at ? Float.POSITIVE_INFINITY : scale);
    }
}
