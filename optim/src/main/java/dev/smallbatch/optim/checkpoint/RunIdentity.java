package dev.smallbatch.optim.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What a checkpoint says about the run that wrote it.
 *
 * @param seed of all random numbers; a run goes on with the same one only
 * @param config any JSON object: everything that must be the same for a run to go on
 * @param backend the back end that computed, for the reader
 * @param codeVersion version of the software, for the reader
 */
public record RunIdentity(long seed, ObjectNode config, String backend, String codeVersion) {
    public RunIdentity {
        config = config.deepCopy();
    }
}
