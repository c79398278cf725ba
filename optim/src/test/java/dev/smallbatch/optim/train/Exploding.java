package dev.smallbatch.optim.train;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Var;
import java.util.List;

/** A model whose loss stays finite while its gradient becomes infinite, at some forward passes. */
public final class Exploding implements LossModel {
    private final LossModel model;
    private final int from;
    private final int to;
    private int calls;

    /** At one forward pass, 0 for the first. */
    public Exploding(LossModel model, int at) {
        this(model, at, at + 1);
    }

    /** At forward passes {@code from} up to before {@code to}. */
    Exploding(LossModel model, int from, int to) {
        this.model = model;
        this.from = from;
        this.to = to;
    }

    @Override
    public List<Parameter> parameters() {
        return model.parameters();
    }

    @Override
    public Var loss(Ops ops, Batch batch, float scale) {
        boolean explodes = calls >= from && calls < to;
        calls++;
        return model.loss(ops, batch, explodes ? Float.POSITIVE_INFINITY : scale);
    }
}
