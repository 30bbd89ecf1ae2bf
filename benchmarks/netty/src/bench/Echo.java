package bench;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;

/** The rows I6 to I8 and I10: a server that gives each frame back, or the value of its key. Says its port, and ends with its input. */
public final class Echo {
    private Echo() {
    }

    public static void main(String[] arguments) throws Exception {
        String kind = arguments[0];
        EventLoopGroup group = Transport.group();
        Channel server = new ServerBootstrap()
            .group(group)
            .channel(Transport.server())
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(new ChannelInitializer<Channel>() {
                @Override
                protected void initChannel(Channel channel) {
                    int strip = kind.equals("get") ? 4 : 0;
                    channel.pipeline().addLast(new LengthFieldBasedFrameDecoder(1 << 20, 0, 4, 0, strip), handler(kind));
                }
            })
            .bind("127.0.0.1", 0).sync().channel();
        System.out.println("{\"port\":" + ((InetSocketAddress) server.localAddress()).getPort() + "}");
        while (System.in.read() >= 0) {
            // nothing is said to it
        }
        System.exit(0);
    }

    private static ChannelHandler handler(String kind) {
        switch (kind) {
            case "batched": return new Batched();
            case "get": return new Get();
            default: return new EachFrame();
        }
    }

    /** A write each, a flush for all that one read gave: the kernel gathers them. */
    private static final class EachFrame extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object frame) {
            context.write(frame, context.voidPromise());
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }
    }

    /** What one read gave is answered by one buffer. */
    private static class Batched extends ChannelInboundHandlerAdapter {
        private ByteBuf answer;

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ByteBuf frame = (ByteBuf) message;
            if (answer == null) {
                answer = context.alloc().buffer(1 << 16);
            }
            answer(frame, answer);
            frame.release();
        }

        void answer(ByteBuf frame, ByteBuf answer) {
            answer.writeBytes(frame);
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            if (answer != null) {
                context.writeAndFlush(answer, context.voidPromise());
                answer = null;
            }
        }
    }

    /** The same, of a store that is asked for a key: its value's length and the value. */
    private static final class Get extends Batched {
        private static final Map<ByteBuf, byte[]> STORE = new HashMap<>();

        static {
            for (int k = 0; k < 256; k++) {
                STORE.put(Unpooled.wrappedBuffer(pattern(k, 16)), pattern(k, 64));
            }
        }

        /** As load.c has it. */
        private static byte[] pattern(int k, int size) {
            byte[] made = new byte[size];
            for (int i = 0; i < size; i++) {
                made[i] = (byte) (k + i);
            }
            return made;
        }

        @Override
        void answer(ByteBuf key, ByteBuf answer) {
            byte[] value = STORE.get(key);
            answer.writeInt(value.length).writeBytes(value);
        }
    }
}
