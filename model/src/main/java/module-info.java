/** GPT models, tokenizers, data, generation and the command line. */
module dev.smallbatch.model {
    requires transitive dev.smallbatch.optim;
}
