/* A chat by WebSocket: how long a message takes to everybody and back, with pings and a close as it should be. */
#include <string.h>
#include <wasmload.h>

WASMLOAD_OPTIONS("{"
                 "  \"vus\": 10,"
                 "  \"iterations\": 20,"
                 "  \"thresholds\": {"
                 "    \"ws_msg_rtt\": [\"p(95)<500\"],"
                 "    \"ws_connect_failed\": [\"rate==0\"],"
                 "    \"checks\": [\"rate==1\"]"
                 "  }"
                 "}")

/* Whether our own message comes back, within five seconds of silence. */
static bool heard(wl_socket *socket, const char *key)
{
    wl_message *message;
    while ((message = wl_receive(socket, 5)) != NULL) {
        const char *id = wl_message_json_text(message, "/id");
        if (id != NULL && strcmp(id, key) == 0)
            return wl_answers(message, key) >= 0;
    }
    return false;
}

const char *iterate(void)
{
    wl_ws_request *request = wl_ws_request_new(wl_ws_url("/ws/chat"));
    wl_ws_name(request, "chat");
    wl_socket *socket = wl_ws_open(request);
    wl_ping(socket);
    for (int number = 1; number <= 5; number++) {
        /* Everybody in the room hears it; the identifier tells our own from the others'. */
        const char *key = wl_format("%u-%u-%d", (unsigned)wl_vu(), (unsigned)wl_iteration(), number);
        wl_ws_send(socket, wl_format("{\"id\":\"%s\",\"text\":\"hello, room\"}", key));
        wl_expect_answer(socket, key);
        wl_check("our own message is heard", heard(socket, key));
        wl_sleep(0.02);
    }
    wl_check("pings are answered", wl_wait_pong(socket, 5));
    wl_close(socket, 1000, "");
    return wl_error_of(socket) == WL_OK ? NULL : wl_failed("the chat broke: %s", wl_why(socket));
}
