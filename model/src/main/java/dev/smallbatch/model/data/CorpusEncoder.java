package dev.smallbatch.model.data;

import dev.smallbatch.model.tokenizer.Encoder;
import dev.smallbatch.model.tokenizer.EndOfTextMarker;
import dev.smallbatch.model.tokenizer.TokenBuffer;
import dev.smallbatch.model.tokenizer.Tokenizer;
import java.io.IOException;

/**
 * Encodes documents into a training and a validation shard, a separator between any two in the same shard. The marker
 * {@link Tokenizer#END_OF_TEXT} inside a document is such a separator too.
 *
 * <p>If every document is small against the validation part, whole documents go there, spread evenly over the corpus. If not, for
 * example with a single file, it is the end of the token stream.
 */
final class CorpusEncoder implements TextSink {
    /** Documents of this share of the validation part and below count as small. */
    private static final double SMALL = 0.25;

    private final Corpus corpus;
    private final double fraction;
    private final boolean wholeDocuments;
    private final ShardWriter training;
    private final ShardWriter validation;
    private final Encoder encoder;
    private final int separator;
    private final TokenBuffer ids = new TokenBuffer();

    private ShardWriter current;
    private boolean separate;
    private long bytesSeen;
    private long validationBytes;

    CorpusEncoder(Corpus corpus, double fraction, Tokenizer tokenizer, ShardWriter training, ShardWriter validation) {
        this.corpus = corpus;
        this.fraction = fraction;
        this.training = training;
        this.validation = validation;
        this.encoder = tokenizer.encoder();
        this.separator = tokenizer.documentSeparator();
        long largest = 0;
        for (int document = 0; document < corpus.documents(); document++) {
            largest = Math.max(largest, corpus.bytes(document));
        }
        this.wholeDocuments = largest <= SMALL * fraction * corpus.bytes();
    }

    @Override
    public void accept(TextChunk chunk) throws IOException {
        if (chunk.first()) {
            current = nextShard(corpus.bytes(chunk.document()));
            separate = true;
        }
        int start = chunk.from();
        while (true) {
            int marker = EndOfTextMarker.find(chunk.bytes(), start, chunk.to());
            encode(chunk.bytes(), start, marker < 0 ? chunk.to() : marker);
            if (marker < 0) {
                return;
            }
            separate = true;
            start = marker + EndOfTextMarker.LENGTH;
        }
    }

    /**
     * Brings the validation shard to its share, and to one sequence at least.
     *
     * @return the number of validation tokens that the fraction alone would give
     * @throws CorpusException if training or validation would be shorter than one sequence
     */
    long split(int sequenceLength) throws IOException {
        long total = training.count() + validation.count();
        long needed = sequenceLength + 1L;
        if (total < 2 * needed) {
            String remedy = total < 4 ? "give more text" : "give more text or lower --seq-len to at most " + (total / 2 - 1);
            throw new CorpusException("prepare corpus: the text has " + total + " tokens; one sequence of " + sequenceLength
                    + " and its targets need " + needed + ", for training and for validation: " + remedy);
        }
        long natural = wholeDocuments ? validation.count() : Math.round(fraction * total);
        long wanted = Math.max(natural, needed);
        if (total - wanted < needed) {
            throw new CorpusException("prepare corpus: a validation part of " + fraction + " leaves " + (total - wanted) + " of "
                    + total + " tokens for training; one sequence and its targets need " + needed
                    + ": give more text, or lower the fraction or --seq-len");
        }
        long missing = wanted - validation.count();
        if (missing > 0 && validation.count() > 0) {
            validation.add(separator);
            missing--;
        }
        training.moveTail(Math.max(0, missing), validation);
        return natural;
    }

    /** Gives a document to validation when that brings its share of the bytes so far closest to the fraction. */
    private ShardWriter nextShard(long bytes) {
        bytesSeen += bytes;
        if (wholeDocuments && validationBytes + bytes / 2.0 <= fraction * bytesSeen) {
            validationBytes += bytes;
            return validation;
        }
        return training;
    }

    private void encode(byte[] utf8, int from, int to) throws IOException {
        if (from == to) {
            return;
        }
        if (separate && current.count() > 0) {
            current.add(separator);
        }
        separate = false;
        ids.clear();
        encoder.encode(utf8, from, to, ids);
        current.add(ids.array(), 0, ids.size());
    }
}
