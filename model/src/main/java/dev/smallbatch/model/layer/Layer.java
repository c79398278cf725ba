package dev.smallbatch.model.layer;

import dev.smallbatch.core.autograd.Parameter;
import java.util.function.Consumer;

/** A part of a model that has parameters. */
public interface Layer {
    /** Visits every parameter once, in the order of the forward pass. */
    void parameters(Consumer<Parameter> visitor);
}
