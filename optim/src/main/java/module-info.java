/** Optimizers, batch-size rules, the training loop and checkpoints. */
module dev.smallbatch.optim {
    requires transitive dev.smallbatch.core;
    requires transitive com.fasterxml.jackson.databind;
    requires com.google.common;

    exports dev.smallbatch.optim;
    exports dev.smallbatch.optim.batch;
    exports dev.smallbatch.optim.checkpoint;
    exports dev.smallbatch.optim.curvature;
    exports dev.smallbatch.optim.rule;
    exports dev.smallbatch.optim.schedule;
    exports dev.smallbatch.optim.train;
}
