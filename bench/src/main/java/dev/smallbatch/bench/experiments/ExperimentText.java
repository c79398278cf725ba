package dev.smallbatch.bench.experiments;

import dev.smallbatch.model.cli.Format;
import dev.smallbatch.model.data.CorpusBuilder;
import dev.smallbatch.model.data.PreparedCorpus;
import dev.smallbatch.model.data.TokenShard;
import dev.smallbatch.model.data.TokenizerChoice;
import dev.smallbatch.model.run.UsageException;
import dev.smallbatch.model.tokenizer.Tokenizer;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The text of an experiment: bytes for the vocabulary of 128, the characters that occur for a smaller one, else tokens of a
 * vocabulary loaded or learned.
 */
final class ExperimentText {
    private static final int BYTES = 128;

    private ExperimentText() {}

    static TextBlocks open(Trial trial) throws IOException {
        Scale scale = trial.scale();
        boolean bytes = scale.vocabulary() <= BYTES;
        TextBlocks.Stream stream = !bytes ? tokens(trial) : scale.vocabulary() == BYTES ? bytes(trial) : characters(trial);
        trial.console().row("data", "%s tokens: %s", Format.count(stream.size()), trial.dataName());
        return new TextBlocks(stream, scale.seqLen(), Math.toIntExact(scale.tokens() / scale.seqLen()),
                Math.toIntExact(scale.validationTokens() / scale.seqLen()), bytes);
    }

    private static TextBlocks.Stream bytes(Trial trial) throws IOException {
        return trial.data() == null ? JavaSources.read() : JavaSources.read(trial.data());
    }

    /** Each byte as its rank among those that occur. */
    private static TextBlocks.Stream characters(Trial trial) throws IOException {
        TextBlocks.Stream bytes = bytes(trial);
        int[] text = new int[Math.toIntExact(bytes.size())];
        bytes.tokens().copy(0, text, 0, text.length);
        int[] characters = IntStream.of(text).distinct().sorted().toArray();
        if (characters.length != trial.scale().vocabulary()) {
            throw new UsageException("experiment: the text has " + characters.length + " different characters, the models have "
                    + trial.scale().vocabulary() + "; give " + trial.scale().data() + " with --data");
        }
        int[] ids = IntStream.of(text).map(character -> Arrays.binarySearch(characters, character)).toArray();
        return new TextBlocks.Stream(ids.length, (from, into, at, length) -> System.arraycopy(ids, (int) from, into, at, length));
    }

    private static TextBlocks.Stream tokens(Trial trial) throws IOException {
        Scale scale = trial.scale();
        if (trial.data() == null) {
            throw new UsageException("experiment --scale " + scale.name() + ": it learns from " + scale.data()
                    + ", which is not here; give a text of at least "
                    + Format.count(scale.tokens() + scale.validationTokens()) + " tokens with --data");
        }
        TokenizerChoice vocabulary = trial.vocabulary() == null ? new TokenizerChoice.TrainBpe(scale.vocabulary())
                : new TokenizerChoice.Existing(Tokenizer.load(trial.vocabulary()));
        PreparedCorpus corpus = new CorpusBuilder(trial.directory().resolve("data"), vocabulary, 0, scale.seqLen())
                .build(List.of(trial.data()), null, (stage, done, all) -> { });
        if (corpus.tokenizer().vocabularySize() > scale.vocabulary()) {
            throw new UsageException("experiment: the vocabulary has " + corpus.tokenizer().vocabularySize()
                    + " tokens, the models of scale " + scale.name() + " have " + scale.vocabulary()
                    + "; give another --vocabulary");
        }
        TokenShard shard = corpus.training();
        return new TextBlocks.Stream(shard.size(), shard::copy);
    }
}
