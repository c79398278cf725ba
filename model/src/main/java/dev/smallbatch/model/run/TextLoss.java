package dev.smallbatch.model.run;

/**
 * How well a model predicts a text.
 *
 * @param tokens tokens predicted
 * @param bytes bytes of text they stand for
 * @param nats sum of the losses of all of them, natural logarithm
 */
public record TextLoss(long tokens, long bytes, double nats) {
    /** Loss in nats per token. */
    public double perToken() {
        return nats / tokens;
    }

    /** Bits per byte: comparable between vocabularies. */
    public double bitsPerByte() {
        return nats / Math.log(2) / bytes;
    }

    /** {@code exp(perToken)}: as uncertain as among that many tokens. */
    public double perplexity() {
        return Math.exp(perToken());
    }
}
