package dev.smallbatch.core.io;

import static dev.smallbatch.core.io.JsonWriter.excerpt;

import dev.smallbatch.core.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * What a safetensors file says about itself: eight bytes with the length N of a JSON object (little-endian), the object,
 * then the payload. Immutable, and always consistent: reading refuses whatever is not.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">the format</a>
 */
public final class SafeTensorsHeader {
    static final int LENGTH_BYTES = 8;
    /** The format's own limit on N. */
    static final long MAX_LENGTH = 100_000_000;
    private static final String METADATA = "__metadata__";
    private static final String DAMAGED = "; the file is damaged or not a safetensors file, make or fetch it again";

    private final Path file;
    private final SequencedMap<String, String> metadata;
    private final SequencedMap<String, Entry> entries;

    private SafeTensorsHeader(Path file, SequencedMap<String, String> metadata, SequencedMap<String, Entry> entries) {
        this.file = file;
        this.metadata = metadata;
        this.entries = entries;
    }

    /**
     * One stored tensor.
     *
     * @param dtype the format's name, for example {@code BF16}
     * @param shape the dimensions, of any rank
     * @param begin first byte, counted from the beginning of the payload
     * @param end one past the last byte
     */
    public record Entry(String name, String dtype, List<Long> shape, long begin, long end) {
        /** Size in bytes. */
        public long bytes() {
            return end - begin;
        }
    }

    /** Names to tensors, in the order of the file's text. */
    public SequencedMap<String, Entry> entries() {
        return entries;
    }

    /** The free-form {@code __metadata__}; empty if there is none. */
    public SequencedMap<String, String> metadata() {
        return metadata;
    }

    /**
     * Checks N against the format's limit and the file.
     *
     * @throws SafeTensorsException if N cannot be
     */
    static void checkLength(Path file, long length, long fileBytes) throws SafeTensorsException {
        if (length < 0 || length > MAX_LENGTH) {
            throw new SafeTensorsException(file, "header length " + Long.toUnsignedString(length) + ", at most " + MAX_LENGTH
                    + DAMAGED);
        }
        if (length > fileBytes - LENGTH_BYTES) {
            throw new SafeTensorsException(file, "header length " + length + ", but " + (fileBytes - LENGTH_BYTES)
                    + " bytes follow" + DAMAGED);
        }
    }

    /**
     * Reads the JSON object of a file.
     *
     * @param payloadBytes how many bytes follow the object
     * @throws SafeTensorsException if the object is not the format's, or does not describe exactly that many bytes
     */
    static SafeTensorsHeader parse(Path file, byte[] json, long payloadBytes) throws SafeTensorsException {
        if (json.length == 0 || json[0] != '{') {
            throw new SafeTensorsException(file, "the header does not begin with '{'" + DAMAGED);
        }
        Map<?, ?> object;
        try {
            object = (Map<?, ?>) JsonReader.parse(json);
        } catch (JsonException e) {
            throw new SafeTensorsException(file, "header: " + e.getMessage() + DAMAGED);
        }
        SequencedMap<String, String> metadata = new LinkedHashMap<>();
        SequencedMap<String, Entry> entries = new LinkedHashMap<>();
        for (Map.Entry<?, ?> member : object.entrySet()) {
            String name = (String) member.getKey();
            if (name.equals(METADATA)) {
                readMetadata(file, member.getValue(), metadata);
            } else {
                entries.put(name, entry(file, name, member.getValue()));
            }
        }
        checkLayout(file, entries.values(), payloadBytes);
        return new SafeTensorsHeader(file, Collections.unmodifiableSequencedMap(metadata),
                Collections.unmodifiableSequencedMap(entries));
    }

    private static void readMetadata(Path file, Object value, Map<String, String> metadata) throws SafeTensorsException {
        if (!(value instanceof Map<?, ?> map)) {
            throw new SafeTensorsException(file, METADATA + " is " + excerpt(value) + ", must be an object" + DAMAGED);
        }
        for (Map.Entry<?, ?> member : map.entrySet()) {
            if (!(member.getValue() instanceof String text)) {
                throw new SafeTensorsException(file, METADATA + " " + excerpt(member.getKey()) + " is "
                        + excerpt(member.getValue()) + ", must be a string" + DAMAGED);
            }
            metadata.put((String) member.getKey(), text);
        }
    }

    private static Entry entry(Path file, String name, Object value) throws SafeTensorsException {
        if (!(value instanceof Map<?, ?> fields) || fields.size() != 3 || !(fields.get("dtype") instanceof String dtype)
                || !(fields.get("shape") instanceof List<?> dims) || !(fields.get("data_offsets") instanceof List<?> offsets)) {
            throw damaged(file, name, "has the entry " + excerpt(value)
                    + ", must have a dtype, a shape and data_offsets and nothing else");
        }
        StoredType type = StoredType.named(dtype);
        if (type == null) {
            throw new SafeTensorsException(file, "tensor " + excerpt(name) + " has dtype " + excerpt(dtype)
                    + ", which this build does not know; convert it to F32 or use a newer build");
        }
        List<Long> shape = sizes(file, name, "shape", dims);
        List<Long> range = sizes(file, name, "data_offsets", offsets);
        if (range.size() != 2 || range.get(0) > range.get(1)) {
            throw damaged(file, name, "has data_offsets " + excerpt(range) + ", must be a begin and an end not before it");
        }
        Entry entry = new Entry(name, dtype, shape, range.get(0), range.get(1));
        long needed = bytes(file, entry, type);
        if (entry.bytes() != needed) {
            throw damaged(file, name, "has data_offsets " + excerpt(range) + ", that is " + entry.bytes() + " bytes, but "
                    + dtype + " " + excerpt(shape) + " needs " + needed);
        }
        return entry;
    }

    private static List<Long> sizes(Path file, String name, String field, List<?> values) throws SafeTensorsException {
        List<Long> sizes = new ArrayList<>();
        for (Object value : values) {
            if (!(value instanceof Long size) || size < 0) {
                throw damaged(file, name, "has " + field + " " + excerpt(values)
                        + ", must be integers from 0 to 2^63 - 1");
            }
            sizes.add(size);
        }
        return List.copyOf(sizes);
    }

    private static long bytes(Path file, Entry entry, StoredType type) throws SafeTensorsException {
        long bits = type.bits();
        try {
            for (long dim : entry.shape()) {
                bits = Math.multiplyExact(bits, dim);
            }
        } catch (ArithmeticException e) {
            throw damaged(file, entry.name(), "has shape " + excerpt(entry.shape()) + ", more than 2^63 bits of " + type);
        }
        if (bits % 8 != 0) {
            throw damaged(file, entry.name(), "has shape " + excerpt(entry.shape()) + ", no whole number of bytes of " + type);
        }
        return bits / 8;
    }

    /** Every payload byte belongs to exactly one tensor: nothing can hide in a hole or be read twice. */
    private static void checkLayout(Path file, Collection<Entry> entries, long payloadBytes) throws SafeTensorsException {
        List<Entry> sorted = new ArrayList<>(entries);
        sorted.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long end = 0;
        for (Entry entry : sorted) {
            if (entry.begin() != end) {
                throw damaged(file, entry.name(), "begins at payload byte " + entry.begin() + ", the tensors before it end at "
                        + end + (entry.begin() > end ? ", which leaves a hole" : ", so they overlap"));
            }
            end = entry.end();
        }
        if (end != payloadBytes) {
            throw new SafeTensorsException(file, "the header describes " + end + " payload bytes, the file has " + payloadBytes
                    + (end > payloadBytes ? "; it was cut short, copy it again" : DAMAGED));
        }
    }

    private static SafeTensorsException damaged(Path file, String name, String problem) {
        return new SafeTensorsException(file, "tensor " + excerpt(name) + " " + problem + DAMAGED);
    }

    /**
     * The entry of a tensor.
     *
     * @throws SafeTensorsException if there is none of that name
     */
    public Entry entry(String name) throws SafeTensorsException {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new SafeTensorsException(file, "no tensor " + excerpt(name) + " among its " + entries.size() + ": "
                    + excerpt(entries.sequencedKeySet().stream().limit(5).toList())
                    + "; is it a file of this model?");
        }
        return entry;
    }

    /**
     * The first bytes of a file with these tensors in this order: length and object, padded with spaces to a multiple of 8
     * bytes.
     *
     * @param maxLength limit on the object, {@link #MAX_LENGTH}
     * @throws IllegalArgumentException if a name is {@code __metadata__} or has no UTF-8 form
     * @throws IOException if the object would exceed the limit
     */
    static byte[] encode(SequencedMap<String, Tensor> tensors, SequencedMap<String, String> metadata, long maxLength)
            throws IOException {
        SequencedMap<String, Object> object = new LinkedHashMap<>();
        if (!metadata.isEmpty()) {
            object.put(METADATA, metadata);
        }
        long end = 0;
        for (Map.Entry<String, Tensor> named : tensors.entrySet()) {
            if (named.getKey().equals(METADATA)) {
                throw new IllegalArgumentException("safetensors: " + METADATA + " is the format's own name, rename the tensor");
            }
            Tensor tensor = named.getValue();
            SequencedMap<String, Object> fields = new LinkedHashMap<>();
            fields.put("dtype", StoredType.of(tensor.dtype()).name());
            fields.put("shape", dims(tensor));
            fields.put("data_offsets", List.of(end, end + tensor.bytes()));
            object.put(named.getKey(), fields);
            end += tensor.bytes();
        }
        byte[] json = JsonWriter.write(object).getBytes(StandardCharsets.UTF_8);
        if (json.length > maxLength) {
            throw new IOException("safetensors: header of " + json.length + " bytes, at most " + maxLength
                    + "; use shorter names or several files");
        }
        int length = (json.length + 7) / 8 * 8;
        ByteBuffer bytes = ByteBuffer.allocate(LENGTH_BYTES + length).order(ByteOrder.LITTLE_ENDIAN).putLong(length).put(json);
        while (bytes.hasRemaining()) {
            bytes.put((byte) ' ');
        }
        return bytes.array();
    }

    static List<Long> dims(Tensor tensor) {
        return Arrays.stream(tensor.shape().dims()).boxed().toList();
    }
}
