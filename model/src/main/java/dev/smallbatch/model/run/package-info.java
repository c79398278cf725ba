/**
 * A training run from text to model, for applications and for the command line alike: what is asked for, what is chosen where
 * nothing is asked, the directory of a run, and trained models ready for use. Composes tokenizers, data, models, optimizers and
 * checkpoints; prints nothing.
 */
package dev.smallbatch.model.run;
