package bench;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import java.net.InetSocketAddress;

/** The rows I6 to I8: a server that gives each frame back. Says its port, and ends with its input. */
public final class Echo {
    private Echo() {
    }

    public static void main(String[] arguments) throws Exception {
        boolean batched = arguments[0].equals("batched");
        EventLoopGroup group = Transport.group();
        Channel server = new ServerBootstrap()
            .group(group)
            .channel(Transport.server())
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(new ChannelInitializer<Channel>() {
                @Override
                protected void initChannel(Channel channel) {
                    ChannelHandler handler = batched ? new Batched() : new EachFrame();
                    channel.pipeline().addLast(new LengthFieldBasedFrameDecoder(1 << 20, 0, 4), handler);
                }
            })
            .bind("127.0.0.1", 0).sync().channel();
        System.out.println("{\"port\":" + ((InetSocketAddress) server.localAddress()).getPort() + "}");
        while (System.in.read() >= 0) {
            // nothing is said to it
        }
        System.exit(0);
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
    private static final class Batched extends ChannelInboundHandlerAdapter {
        private ByteBuf answer;

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ByteBuf frame = (ByteBuf) message;
            if (answer == null) {
                answer = context.alloc().buffer(1 << 16);
            }
            answer.writeBytes(frame);
            frame.release();
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            if (answer != null) {
                context.writeAndFlush(answer, context.voidPromise());
                answer = null;
            }
        }
    }
}
