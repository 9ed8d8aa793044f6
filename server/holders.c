#include "server/holders.h"

#include "base/mem.h"
#include "server/subscriber.h"

struct replacement {
    struct hub_mail mail;
    struct tokens *tokens;
};

void hub_set_tokens(struct hub *hub, struct tokens *tokens)
{
    struct replacement *replacement = mem_alloc(sizeof(*replacement));
    replacement->mail.kind = HUB_TOKENS;
    replacement->tokens = tokens;
    mailbox_post(&hub->mailbox, &replacement->mail.mail);
}

bool holder_may_listen(const struct hub *hub, uint64_t holder)
{
    const struct token *token = hub->tokens ? tokens_numbered(hub->tokens, holder) : NULL;
    return !hub->tokens || (token && token_allows(token, SCOPE_READ, STR_NONE));
}

void holders_replace(struct hub *hub, struct hub_mail *mail)
{
    struct replacement *replacement = container_of(mail, struct replacement, mail);
    if (hub->tokens)
        tokens_unref(hub->tokens);
    hub->tokens = replacement->tokens;
    for (struct subscriber *s = hub->oldest, *next; s; s = next) {
        next = s->newer;
        if (!holder_may_listen(hub, s->holder))
            subscriber_close(s);
    }
    mem_free(replacement);
}
