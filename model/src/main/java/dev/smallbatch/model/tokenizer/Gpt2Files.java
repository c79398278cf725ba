package dev.smallbatch.model.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * GPT-2's two files: {@code vocab.bpe}, a "#version" line and a merge a line, and {@code encoder.json}, the id of every token.
 * Tokens of the second file that are neither a byte nor a merge are special. The ids must be those {@link BpeTokenizer}
 * gives, as they are in GPT-2's own files and those of its relatives.
 */
final class Gpt2Files {
    static final String MERGES = "vocab.bpe";
    static final String VOCABULARY = "encoder.json";

    private Gpt2Files() {}

    static BpeTokenizer load(Path directory) throws IOException {
        List<String> merges = readMerges(directory.resolve(MERGES));
        Path file = directory.resolve(VOCABULARY);
        Map<String, Integer> ids = readIds(file);
        Set<String> ordinary = new HashSet<>(2 * ids.size());
        for (int b = 0; b < BpeTokenizer.BYTES; b++) {
            ordinary.add(ByteAlphabet.write(new byte[] {(byte) b}));
        }
        merges.forEach(merge -> ordinary.add(merge.replace(" ", "")));
        Map<String, Integer> special = new HashMap<>(ids);
        special.keySet().removeAll(ordinary);
        BpeTokenizer tokenizer = TokenizerFile.tokenizer(directory.resolve(MERGES), special, merges);
        checkIds(file, ids, special, tokenizer);
        return tokenizer;
    }

    private static List<String> readMerges(Path file) throws IOException {
        List<String> merges = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(file)) {
                boolean header = merges.isEmpty() && line.startsWith("#version");
                if (!header && !line.isEmpty()) {
                    merges.add(line);
                }
            }
        } catch (CharacterCodingException e) {
            throw new TokenizerException("load tokenizer " + file + ": damaged: not UTF-8; copy the file again", e);
        }
        return merges;
    }

    private static Map<String, Integer> readIds(Path file) throws IOException {
        Map<String, Integer> ids = new HashMap<>();
        JsonNode root = TokenizerFile.parse(file);
        if (!root.isObject()) {
            throw new TokenizerException("load tokenizer " + file + ": damaged: not an object of tokens and ids; copy it again");
        }
        for (Map.Entry<String, JsonNode> entry : root.properties()) {
            if (!entry.getValue().isInt()) {
                throw new TokenizerException("load tokenizer " + file + ": damaged: token \"" + entry.getKey() + "\" has the id "
                        + entry.getValue() + "; copy the file again");
            }
            ids.put(entry.getKey(), entry.getValue().intValue());
        }
        return ids;
    }

    private static void checkIds(Path file, Map<String, Integer> ids, Map<String, Integer> special, BpeTokenizer tokenizer)
            throws TokenizerException {
        Set<Integer> specialIds = new HashSet<>(special.values());
        for (int id = 0; id < tokenizer.vocabularySize(); id++) {
            String token = ByteAlphabet.write(tokenizer.tokenBytes(id));
            if (!specialIds.contains(id) && !Integer.valueOf(id).equals(ids.get(token))) {
                throw new TokenizerException("load tokenizer " + file + ": token \"" + token + "\" has the id " + ids.get(token)
                        + ", by the order of " + MERGES + " it is " + id
                        + "; the two files belong to different vocabularies or one is damaged");
            }
        }
    }
}
