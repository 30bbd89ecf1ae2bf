package bench;

import static java.util.stream.Collectors.toList;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.codec.LineBasedFrameDecoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The rows F: a stream through a pipeline of a decoder and a handler that drops the frames. */
final class Frames extends Work {
    private final List<ByteBuf> fragments;
    private final Sink sink = new Sink();
    private final EmbeddedChannel channel;

    private Frames(ChannelHandler decoder, int count, String fragments) {
        super(count);
        this.fragments = Arrays.stream(fragments.split(",")).map(Core::bytes).collect(toList());
        channel = new EmbeddedChannel(decoder, sink);
    }

    static Work of(String[] words) {
        switch (words[0]) {
            case "lengthFields":
                return new Frames(new LengthFieldBasedFrameDecoder(1 << 20, 0, 4, 0, 4), Integer.parseInt(words[1]), words[2]);
            case "lines":
                return new Frames(new LineBasedFrameDecoder(80), Integer.parseInt(words[1]), words[2]);
            default:
                return null;
        }
    }

    /** Duplicates with the count of the fragment: of one with a count of its own, the decoder would move the bytes. */
    @Override
    long once() {
        for (ByteBuf fragment : fragments) {
            channel.writeInbound(fragment.retain().duplicate());
        }
        return sink.frames;
    }

    @Override
    Object result() {
        sink.kept = new ArrayList<>();
        once();
        List<ByteBuf> frames = sink.kept;
        sink.kept = null;
        return frames;
    }

    private static final class Sink extends ChannelInboundHandlerAdapter {
        private long frames;
        private List<ByteBuf> kept;    // or null: drop them

        @Override
        public void channelRead(ChannelHandlerContext context, Object frame) {
            frames++;
            if (kept == null) {
                ((ByteBuf) frame).release();
            } else {
                kept.add((ByteBuf) frame);
            }
        }
    }
}
