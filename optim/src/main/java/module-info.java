/** Optimizers, batch-size rules, the training loop and checkpoints. */
module dev.smallbatch.optim {
    requires transitive dev.smallbatch.core;
}
