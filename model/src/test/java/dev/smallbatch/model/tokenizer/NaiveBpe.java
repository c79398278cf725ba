package dev.smallbatch.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Byte-pair encoding by its definition, over strings of GPT-2's byte alphabet: slow and obvious. */
final class NaiveBpe {
    private NaiveBpe() {}

    /** One left and one right token. */
    record Pair(String left, String right) {
        String text() {
            return left + " " + right;
        }
    }

    /** The tokens of one word: the earliest merge present is applied everywhere from left to right, until none is left. */
    static List<String> encodeWord(byte[] word, Map<String, Integer> rankOfMerge) {
        List<String> tokens = letters(word);
        while (true) {
            Pair best = null;
            int bestRank = Integer.MAX_VALUE;
            for (int i = 0; i + 1 < tokens.size(); i++) {
                Pair pair = new Pair(tokens.get(i), tokens.get(i + 1));
                Integer rank = rankOfMerge.get(pair.text());
                if (rank != null && rank < bestRank) {
                    bestRank = rank;
                    best = pair;
                }
            }
            if (best == null) {
                return tokens;
            }
            tokens = apply(best, tokens);
        }
    }

    /** Merges of a text: count everything anew for each one; ties to the greater pair by bytes. */
    static List<String> train(String text, int merges) {
        Map<List<String>, Long> words = new LinkedHashMap<>();
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        for (int start = 0; start < utf8.length; ) {
            int end = PreTokenizer.wordEnd(utf8, start, utf8.length);
            words.merge(letters(java.util.Arrays.copyOfRange(utf8, start, end)), 1L, Long::sum);
            start = end;
        }
        List<String> learned = new ArrayList<>();
        while (learned.size() < merges) {
            Map<Pair, Long> counts = new HashMap<>();
            words.forEach((word, count) -> {
                for (int i = 0; i + 1 < word.size(); i++) {
                    counts.merge(new Pair(word.get(i), word.get(i + 1)), count, Long::sum);
                }
            });
            Pair best = counts.entrySet().stream()
                    .filter(entry -> entry.getValue() >= 2)
                    .max(Map.Entry.<Pair, Long>comparingByValue()
                            .thenComparing(entry -> entry.getKey(), Comparator
                                    .comparing((Pair pair) -> ByteAlphabet.read(pair.left()), java.util.Arrays::compareUnsigned)
                                    .thenComparing(pair -> ByteAlphabet.read(pair.right()), java.util.Arrays::compareUnsigned)))
                    .map(Map.Entry::getKey)
                    .orElse(null);
            if (best == null) {
                return learned;
            }
            learned.add(best.text());
            Map<List<String>, Long> next = new LinkedHashMap<>();
            words.forEach((word, count) -> next.merge(apply(best, word), count, Long::sum));
            words = next;
        }
        return learned;
    }

    private static List<String> letters(byte[] word) {
        List<String> letters = new ArrayList<>();
        for (char c : ByteAlphabet.write(word).toCharArray()) {
            letters.add(String.valueOf(c));
        }
        return letters;
    }

    private static List<String> apply(Pair pair, List<String> tokens) {
        List<String> merged = new ArrayList<>();
        for (int i = 0; i < tokens.size(); i++) {
            if (i + 1 < tokens.size() && tokens.get(i).equals(pair.left()) && tokens.get(i + 1).equals(pair.right())) {
                merged.add(pair.left() + pair.right());
                i++;
            } else {
                merged.add(tokens.get(i));
            }
        }
        return merged;
    }
}
