package dev.smallbatch.core.io;

import static dev.smallbatch.core.io.JsonWriter.excerpt;

import dev.smallbatch.core.tensor.BFloat16;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.SequencedMap;

/**
 * A safetensors file, open for reading. The header is checked in full before anything is read; payloads are copied into
 * tensors, so that the file may go away afterwards. Any thread may read; whoever opened it closes it.
 */
public final class SafeTensors implements AutoCloseable {
    private static final int MAX_RANK = 4;
    /** Bytes that are read at a time where they cannot go straight to their place. */
    private static final int ROUNDED_BYTES = 1 << 16;

    private final Path file;
    private final FileChannel channel;
    private final SafeTensorsHeader header;
    private final long payloadStart;

    private SafeTensors(Path file, FileChannel channel, SafeTensorsHeader header, long payloadStart) {
        this.file = file;
        this.channel = channel;
        this.header = header;
        this.payloadStart = payloadStart;
    }

    /**
     * Opens a file and checks its header and length.
     *
     * @throws SafeTensorsException if it is damaged or no such file
     * @throws IOException if it cannot be read
     */
    public static SafeTensors open(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new SafeTensorsException(file, "is a directory, not a safetensors file; name a file in it");
        }
        FileChannel channel;
        try {
            channel = FileChannel.open(file, StandardOpenOption.READ);
        } catch (NoSuchFileException e) {
            throw new SafeTensorsException(file, "there is no such file; check the path");
        } catch (AccessDeniedException e) {
            throw new SafeTensorsException(file, "no permission to read it; change the permissions");
        }
        try {
            long fileBytes = channel.size();
            if (fileBytes < SafeTensorsHeader.LENGTH_BYTES) {
                throw new SafeTensorsException(file, "the file has " + fileBytes + " bytes, a safetensors file at least "
                        + SafeTensorsHeader.LENGTH_BYTES + "; it was cut short, copy it again");
            }
            ByteBuffer length = ByteBuffer.allocate(SafeTensorsHeader.LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            readFully(file, channel, length, 0);
            long headerBytes = length.getLong(0);
            SafeTensorsHeader.checkLength(file, headerBytes, fileBytes);
            ByteBuffer json = ByteBuffer.allocate((int) headerBytes);
            readFully(file, channel, json, SafeTensorsHeader.LENGTH_BYTES);
            long payloadStart = SafeTensorsHeader.LENGTH_BYTES + headerBytes;
            SafeTensorsHeader header = SafeTensorsHeader.parse(file, json.array(), fileBytes - payloadStart);
            return new SafeTensors(file, channel, header, payloadStart);
        } catch (IOException | RuntimeException | Error e) {
            channel.close();
            throw e;
        }
    }

    public Path file() {
        return file;
    }

    /** Names, types and shapes of everything in the file. */
    public SafeTensorsHeader header() {
        return header;
    }

    /** Shorthand for {@code header().metadata()}. */
    public SequencedMap<String, String> metadata() {
        return header.metadata();
    }

    public boolean contains(String name) {
        return header.entries().containsKey(name);
    }

    /**
     * Copies a stored tensor into {@code out}, of the same shape and either the same type, or F32 for a stored BF16 or F16
     * (exact).
     *
     * @throws SafeTensorsException if there is no such tensor, or its type or shape does not fit
     * @throws IOException if it cannot be read
     */
    public void read(String name, Tensor out) throws IOException {
        SafeTensorsHeader.Entry entry = header.entry(name);
        DType stored = tensorType(entry);
        boolean widen = (stored == DType.BF16 || stored == DType.F16) && out.dtype() == DType.F32;
        if (stored != out.dtype() && !widen) {
            throw refused(entry, "is stored as " + entry.dtype() + ", wanted as " + out.dtype() + "; read it as " + stored);
        }
        requireShape(entry, out);
        MemorySegment memory = out.segment();
        if (widen) {
            // The short half of the bits waits in the upper half of the destination; widening upwards never overtakes it.
            MemorySegment upper = memory.asSlice(entry.bytes());
            copy(entry, upper);
            widen(stored, upper, memory, out.numel());
        } else {
            copy(entry, memory);
        }
    }

    /**
     * Copies a stored F32 tensor into {@code out}, BF16 of the same shape, each number rounded to the nearest, ties to even.
     *
     * @throws SafeTensorsException if there is no such tensor, or its type or shape does not fit
     * @throws IOException if it cannot be read
     */
    public void readRounded(String name, Tensor out) throws IOException {
        SafeTensorsHeader.Entry entry = header.entry(name);
        if (tensorType(entry) != DType.F32 || out.dtype() != DType.BF16) {
            throw refused(entry, "is stored as " + entry.dtype() + ", wanted as " + out.dtype()
                    + "; only F32 is rounded, to BF16");
        }
        requireShape(entry, out);
        MemorySegment memory = out.segment();
        ByteBuffer floats = ByteBuffer.allocate(ROUNDED_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (long i = 0; i < out.numel();) {
            floats.clear().limit((int) Math.min(ROUNDED_BYTES, entry.bytes() - i * Float.BYTES));
            readFully(file, channel, floats, payloadStart + entry.begin() + i * Float.BYTES);
            for (floats.flip(); floats.hasRemaining(); i++) {
                memory.setAtIndex(ValueLayout.JAVA_SHORT, i, BFloat16.nearestEven(floats.getFloat()));
            }
        }
    }

    private void requireShape(SafeTensorsHeader.Entry entry, Tensor out) throws SafeTensorsException {
        if (!entry.shape().equals(SafeTensorsHeader.dims(out))) {
            throw refused(entry, "has shape " + excerpt(entry.shape()) + ", wanted "
                    + out.shape() + "; the file is of a model with other dimensions");
        }
    }

    /**
     * A stored tensor as a new one of its own type.
     *
     * @throws SafeTensorsException if there is no such tensor, or none of our types holds it
     * @throws IOException if it cannot be read
     */
    public Tensor read(String name, Region region) throws IOException {
        SafeTensorsHeader.Entry entry = header.entry(name);
        DType stored = tensorType(entry);
        if (entry.shape().size() > MAX_RANK) {
            throw refused(entry, "has shape " + excerpt(entry.shape())
                    + ", a tensor has at most " + MAX_RANK + " dimensions; reshape it before saving, or take its raw bytes");
        }
        Tensor out = region.allocate(stored, Shape.of(entry.shape().stream().mapToLong(Long::longValue).toArray()));
        copy(entry, out.segment());
        return out;
    }

    /**
     * The stored bytes of a tensor of any type, little-endian.
     *
     * @throws SafeTensorsException if there is no such tensor or it exceeds an array
     * @throws IOException if it cannot be read
     */
    public byte[] bytes(String name) throws IOException {
        SafeTensorsHeader.Entry entry = header.entry(name);
        if (entry.bytes() > Integer.MAX_VALUE - 8) {
            throw refused(entry, "has " + entry.bytes() + " bytes, an array holds 2 GiB; read it into a tensor");
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) entry.bytes());
        readFully(file, channel, bytes, payloadStart + entry.begin());
        return bytes.array();
    }

    private SafeTensorsException refused(SafeTensorsHeader.Entry entry, String problem) {
        return new SafeTensorsException(file, "tensor " + excerpt(entry.name()) + " " + problem);
    }

    private DType tensorType(SafeTensorsHeader.Entry entry) throws SafeTensorsException {
        DType type = StoredType.named(entry.dtype()).tensorType();
        if (type == null) {
            throw refused(entry, "is stored as " + entry.dtype()
                    + ", which no tensor holds (F32, BF16, F16, I32 and U8 can be read); convert it, or take its raw bytes");
        }
        return type;
    }

    private void copy(SafeTensorsHeader.Entry entry, MemorySegment memory) throws IOException {
        SafeTensorsWriter.requireLittleEndian();
        for (long done = 0; done < entry.bytes();) {
            long chunk = Math.min(SafeTensorsWriter.CHUNK_BYTES, entry.bytes() - done);
            readFully(file, channel, memory.asSlice(done, chunk).asByteBuffer(), payloadStart + entry.begin() + done);
            done += chunk;
        }
    }

    private static void widen(DType stored, MemorySegment shorts, MemorySegment floats, long numel) {
        for (long i = 0; i < numel; i++) {
            short bits = shorts.getAtIndex(ValueLayout.JAVA_SHORT, i);
            if (stored == DType.BF16) {
                floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, BFloat16.toFloat(bits));
            } else {
                floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.float16ToFloat(bits));
            }
        }
    }

    private static void readFully(Path file, FileChannel channel, ByteBuffer into, long position) throws IOException {
        long at = position;
        while (into.hasRemaining()) {
            int count = channel.read(into, at);
            if (count < 0) {
                throw new SafeTensorsException(file, "the file ends at byte " + at + ", " + into.remaining()
                        + " bytes early; it was changed while being read, copy it again");
            }
            at += count;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
