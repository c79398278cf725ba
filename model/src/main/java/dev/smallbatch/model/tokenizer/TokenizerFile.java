package dev.smallbatch.model.tokenizer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.google.common.hash.Hashing;
import dev.smallbatch.core.io.AtomicFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The file {@code tokenizer.json}:
 *
 * <pre>
 * {
 *   "format" : "smallbatch-tokenizer",
 *   "version" : 1,
 *   "type" : "bpe",                                  "byte" for the byte tokenizer, which has no more fields
 *   "specialTokens" : { "&lt;|endoftext|&gt;" : 0 },
 *   "merges" : [ "h e", "i n", ... ]                 both tokens in GPT-2's byte alphabet, in the order they were learned
 * }
 * </pre>
 *
 * <p>{@link BpeTokenizer} says which ids that means. A reader refuses what it does not know: other formats, newer versions.
 */
final class TokenizerFile {
    private static final String FORMAT = "smallbatch-tokenizer";
    private static final int VERSION = 1;

    private TokenizerFile() {}

    static String fingerprint(Tokenizer tokenizer) {
        return Hashing.sha256().hashBytes(json(tokenizer)).toString();
    }

    static void save(Tokenizer tokenizer, Path directory) throws IOException {
        Files.createDirectories(directory);
        AtomicFiles.writeText(directory.resolve(Tokenizer.FILE_NAME), new String(json(tokenizer), StandardCharsets.UTF_8));
    }

    static Tokenizer load(Path directory) throws IOException {
        Path own = directory.resolve(Tokenizer.FILE_NAME);
        if (Files.exists(own)) {
            return read(own);
        }
        if (Files.exists(directory.resolve(Gpt2Files.MERGES)) && Files.exists(directory.resolve(Gpt2Files.VOCABULARY))) {
            return Gpt2Files.load(directory);
        }
        throw new TokenizerException("load tokenizer " + directory + ": "
                + (Files.isDirectory(directory) ? "has neither " : "is not a directory with ") + Tokenizer.FILE_NAME
                + " nor GPT-2's " + Gpt2Files.VOCABULARY + " and " + Gpt2Files.MERGES
                + "; give a run's directory, or let train make a vocabulary with --tokenizer byte or bpe");
    }

    /** Strict JSON: no repeated names, nothing after the value. */
    static JsonNode parse(Path file) throws IOException {
        try {
            return JsonMapper.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build()
                    .readTree(Files.readAllBytes(file));
        } catch (JsonProcessingException e) {
            throw new TokenizerException("load tokenizer " + file + ": damaged, not JSON: " + e.getOriginalMessage()
                    + " (line " + (e.getLocation() == null ? 0 : e.getLocation().getLineNr())
                    + "); copy the file again or train the vocabulary again", e);
        }
    }

    private static Tokenizer read(Path file) throws IOException {
        JsonNode root = parse(file);
        if (!FORMAT.equals(root.path("format").asText())) {
            throw new TokenizerException("load tokenizer " + file + ": is not a vocabulary of this program (\"format\" is not \""
                    + FORMAT + "\"); a tokenizer.json of other programs cannot be read");
        }
        JsonNode version = root.path("version");
        if (!version.isInt() || version.intValue() < 1) {
            throw damaged(file, "\"version\" is " + version + ", expected an integer from 1");
        }
        if (version.intValue() > VERSION) {
            throw new TokenizerException("load tokenizer " + file + ": format " + version + ", this build reads 1.." + VERSION
                    + "; use a newer build");
        }
        String type = root.path("type").asText();
        return switch (type) {
            case "byte" -> new ByteTokenizer();
            case "bpe" -> readBpe(file, root);
            default -> throw damaged(file, "\"type\" is \"" + type + "\", expected \"byte\" or \"bpe\"");
        };
    }

    private static BpeTokenizer readBpe(Path file, JsonNode root) throws IOException {
        JsonNode specials = root.path("specialTokens");
        JsonNode merges = root.path("merges");
        if (!specials.isObject() || !merges.isArray()) {
            throw damaged(file, "\"specialTokens\" must be an object and \"merges\" an array");
        }
        Map<String, Integer> specialTokens = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> special : specials.properties()) {
            if (!special.getValue().isInt()) {
                throw damaged(file, "special token \"" + special.getKey() + "\" has the id " + special.getValue());
            }
            specialTokens.put(special.getKey(), special.getValue().intValue());
        }
        List<String> lines = new ArrayList<>(merges.size());
        for (JsonNode merge : merges) {
            lines.add(merge.isTextual() ? merge.textValue() : merge.toString());
        }
        return tokenizer(file, specialTokens, lines);
    }

    /** The tokenizer of merges written as in the files; the file is for messages. */
    static BpeTokenizer tokenizer(Path file, Map<String, Integer> specialTokens, List<String> merges) throws IOException {
        try {
            return MergeText.tokenizer(specialTokens, merges);
        } catch (IllegalArgumentException e) {
            throw new TokenizerException("load tokenizer " + file + ": damaged: " + e.getMessage()
                    + "; copy the file again or train the vocabulary again", e);
        }
    }

    private static TokenizerException damaged(Path file, String what) {
        return new TokenizerException("load tokenizer " + file + ": damaged: " + what
                + "; copy the file again or train the vocabulary again");
    }

    private static byte[] json(Tokenizer tokenizer) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DefaultIndenter lines = new DefaultIndenter("  ", "\n");
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter().withArrayIndenter(lines).withObjectIndenter(lines);
        try (JsonGenerator out = new JsonFactory().createGenerator(bytes)) {
            out.setPrettyPrinter(printer);
            out.writeStartObject();
            out.writeStringField("format", FORMAT);
            out.writeNumberField("version", VERSION);
            if (tokenizer instanceof BpeTokenizer bpe) {
                writeBpe(out, bpe);
            } else {
                out.writeStringField("type", "byte");
            }
            out.writeEndObject();
            out.writeRaw('\n');
        } catch (IOException e) {
            throw new UncheckedIOException("write tokenizer to memory", e);
        }
        return bytes.toByteArray();
    }

    private static void writeBpe(JsonGenerator out, BpeTokenizer bpe) throws IOException {
        out.writeStringField("type", "bpe");
        out.writeObjectFieldStart("specialTokens");
        for (Map.Entry<String, Integer> special : bpe.specialTokens().entrySet()) {
            out.writeNumberField(special.getKey(), special.getValue());
        }
        out.writeEndObject();
        out.writeArrayFieldStart("merges");
        for (int rank = 0; rank < bpe.merges(); rank++) {
            out.writeString(bpe.merge(rank));
        }
        out.writeEndArray();
    }
}
