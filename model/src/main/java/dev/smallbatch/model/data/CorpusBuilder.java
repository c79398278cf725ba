package dev.smallbatch.model.data;

import com.google.common.hash.Hashing;
import dev.smallbatch.model.tokenizer.BpeTrainer;
import dev.smallbatch.model.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Makes the data of a training run in a directory: {@code tokenizer.json}, {@code train.bin}, {@code valid.bin} and
 * {@code corpus.json}, which says what they were made from. If they are there already, from the same files (path, size, time of
 * change), vocabulary and fraction, they are checked and used again. Other files of the directory are not touched. One
 * process at a time.
 */
public final class CorpusBuilder {
    /** Part of the text that is kept for validation where nothing else is said. */
    public static final double DEFAULT_VALIDATION_FRACTION = 0.1;

    private static final String TRAINING = "train.bin";
    private static final String VALIDATION = "valid.bin";
    private static final int VERSION = 1;

    private final Path directory;
    private final TokenizerChoice choice;
    private final double validationFraction;
    private final int sequenceLength;

    /**
     * What to make, and where.
     *
     * @param directory          created if needed
     * @param validationFraction of the text, from 0 to below 1; validation is at least one sequence long
     * @param sequenceLength     of the run; training and validation must each hold one sequence and its targets
     */
    public CorpusBuilder(Path directory, TokenizerChoice choice, double validationFraction, int sequenceLength) {
        if (!(validationFraction >= 0 && validationFraction < 1)) {
            throw new IllegalArgumentException("prepare corpus: validation fraction " + validationFraction
                    + "; from 0 to below 1, usually 0.1");
        }
        if (sequenceLength < 1) {
            throw new IllegalArgumentException("prepare corpus: sequences of " + sequenceLength + " tokens; at least 1");
        }
        this.directory = directory;
        this.choice = choice;
        this.validationFraction = validationFraction;
        this.sequenceLength = sequenceLength;
    }

    /**
     * Prepares the text of {@link Corpus#of(List, String)}.
     *
     * @throws CorpusException if the text cannot be used or is too short
     * @throws IOException if reading or writing fails; the directory then counts as unprepared
     */
    public PreparedCorpus build(List<Path> paths, String glob, CorpusProgress progress) throws IOException {
        Corpus corpus = Corpus.of(paths, glob);
        String key = key(corpus);
        List<String> notes = new ArrayList<>();
        Optional<PreparedCorpus> ready = reuse(key, notes);
        if (ready.isPresent()) {
            return ready.get();
        }
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new IOException("prepare corpus: cannot create the directory " + directory + " (" + e
                    + "); choose another one", e);
        }
        CorpusManifest.remove(directory);
        Tokenizer tokenizer = tokenizer(corpus, notes, progress);
        tokenizer.save(directory);
        long natural = writeShards(corpus, tokenizer, notes, progress);
        TokenShard training = TokenShard.open(directory.resolve(TRAINING));
        TokenShard validation = TokenShard.open(directory.resolve(VALIDATION));
        new CorpusManifest(key, tokenizer.fingerprint(), training.size(), validation.size(), natural, notes).write(directory);
        return new PreparedCorpus(tokenizer, training, validation, false, List.copyOf(notes));
    }

    /**
     * Opens what {@link #build} made, whatever has become of the text since, and checks it.
     *
     * @throws ShardException if it is incomplete or damaged
     * @throws IOException if reading fails
     */
    public static PreparedCorpus open(Path directory) throws IOException {
        CorpusManifest manifest = CorpusManifest.read(directory).orElseThrow(() ->
                new ShardException("open corpus " + directory + ": holds no prepared text; prepare the text again"));
        Tokenizer tokenizer = Tokenizer.load(directory);
        TokenShard training = TokenShard.open(directory.resolve(TRAINING));
        TokenShard validation = TokenShard.open(directory.resolve(VALIDATION));
        training.verify();
        validation.verify();
        if (!tokenizer.fingerprint().equals(manifest.tokenizer()) || training.size() != manifest.trainingTokens()
                || validation.size() != manifest.validationTokens()) {
            throw new ShardException("open corpus " + directory + ": its files do not fit together; prepare the text again");
        }
        return new PreparedCorpus(tokenizer, training, validation, true, manifest.notes());
    }

    private String key(Corpus corpus) {
        String vocabulary = switch (choice) {
            case TokenizerChoice.Existing existing -> existing.tokenizer().fingerprint();
            case TokenizerChoice.TrainBpe bpe -> "bpe " + bpe.vocabularySize() + " " + bpe.maxBytes();
        };
        String all = VERSION + "\n" + corpus.fingerprint() + "\n" + vocabulary + "\n" + validationFraction;
        return Hashing.sha256().hashString(all, StandardCharsets.UTF_8).toString();
    }

    private Optional<PreparedCorpus> reuse(String key, List<String> notes) throws IOException {
        Optional<CorpusManifest> found = CorpusManifest.read(directory);
        if (found.isEmpty() || !found.get().key().equals(key)) {
            return Optional.empty();
        }
        CorpusManifest manifest = found.get();
        // With another sequence length the split is the same unless it was raised to one sequence, then or now.
        if (manifest.validationTokens() != Math.max(manifest.naturalValidation(), sequenceLength + 1L)
                || manifest.trainingTokens() <= sequenceLength) {
            return Optional.empty();
        }
        try {
            return Optional.of(open(directory));
        } catch (IOException e) {
            notes.add("the data in " + directory + " was prepared again: " + e.getMessage());
            return Optional.empty();
        }
    }

    private Tokenizer tokenizer(Corpus corpus, List<String> notes, CorpusProgress progress) throws IOException {
        return switch (choice) {
            case TokenizerChoice.Existing existing -> existing.tokenizer();
            case TokenizerChoice.TrainBpe bpe -> train(bpe, corpus, notes, progress);
        };
    }

    private static Tokenizer train(TokenizerChoice.TrainBpe bpe, Corpus corpus, List<String> notes, CorpusProgress progress)
            throws IOException {
        BpeTrainer trainer = new BpeTrainer();
        double share = Math.min(1, (double) bpe.maxBytes() / corpus.bytes());
        long[] seen = {0, 0};
        corpus.read(chunk -> {
            if (seen[1] <= share * seen[0]) {
                trainer.add(chunk.bytes(), chunk.from(), chunk.to());
                seen[1] += chunk.length();
            }
            seen[0] += chunk.length();
        }, done -> progress.report("count words", done, corpus.bytes()));
        int merges = bpe.vocabularySize() - BpeTrainer.MIN_VOCABULARY;
        BpeTrainer.Result result = trainer.train(bpe.vocabularySize(), done -> progress.report("learn merges", done, merges));
        notes.add(result.summary());
        return result.tokenizer();
    }

    private long writeShards(Corpus corpus, Tokenizer tokenizer, List<String> notes, CorpusProgress progress) throws IOException {
        int vocabulary = tokenizer.vocabularySize();
        long[] natural = new long[1];
        try {
            ShardWriter.write(directory.resolve(TRAINING), vocabulary, training ->
                    ShardWriter.write(directory.resolve(VALIDATION), vocabulary, validation -> {
                        CorpusEncoder encoder = new CorpusEncoder(corpus, validationFraction, tokenizer, training, validation);
                        CorpusReport report = corpus.read(encoder, done -> progress.report("encode text", done, corpus.bytes()));
                        natural[0] = encoder.split(sequenceLength);
                        notes.add(report.summary() + "; " + training.count() + " tokens for training, " + validation.count()
                                + " for validation");
                    }));
        } catch (IOException e) {
            throw origin(e);
        }
        return natural[0];
    }

    /** Of one file written inside the writing of another, the failure that came first, with its own message. */
    private static IOException origin(IOException failure) {
        IOException origin = failure;
        while (origin.getCause() instanceof IOException cause
                && (cause instanceof CorpusException || String.valueOf(cause.getMessage()).startsWith("writing "))) {
            origin = cause;
        }
        return origin;
    }
}
