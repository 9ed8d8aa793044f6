#include "handlers/schemas.h"

#include "base/mem.h"
#include "base/schema.h"
#include "handlers/task_json.h"
#include "model/event.h"
#include "model/failure.h"
#include "model/problem.h"
#include "model/spec.h"
#include "model/state.h"

#include <stdio.h>
#include <string.h>

/* --- made from other tables -------------------------------------------------------------- */

static void begin_names(struct buf *out)
{
    buf_add_text(out, "{\"type\":\"string\",\"enum\":[");
}

static void add_name(struct buf *out, const char *before, const char *name)
{
    bool first = out->data[out->len - 1] == '[';
    buf_addf(out, "%s\"%s%s\"", first ? "" : ",", before, name);
}

static void end_names(struct buf *out)
{
    buf_add_text(out, "]}");
}

static void add_states(struct buf *out)
{
    begin_names(out);
    for (int i = 0; i < STATE_COUNT; i++)
        add_name(out, "", state_text((enum task_state)i));
    end_names(out);
}

static void add_event_types(struct buf *out)
{
    begin_names(out);
    for (int i = EVENT_NONE + 1; i < EVENT_COUNT; i++)
        add_name(out, "", event_text((enum event_type)i));
    end_names(out);
}

static void add_failure_codes(struct buf *out)
{
    begin_names(out);
    for (int i = 0; i < FAILURE_COUNT; i++)
        add_name(out, "", failure_text((enum failure_code)i));
    end_names(out);
}

static void add_problem_types(struct buf *out)
{
    begin_names(out);
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++)
        add_name(out, "/problems/", problem_kind((enum problem_code)i)->slug);
    end_names(out);
}

static void add_event(struct buf *out)
{
    struct schema_object object = {0};
    const struct event_member *member;
    for (size_t i = 0; (member = event_member(i)); i++)
        schema_member(&object, member->name, member->schema, member->about, member->always);
    schema_object_end(&object, "The data of an event. Members that do not apply are left out.",
                      NULL, out);
}

static void add_state_counts(struct buf *out)
{
    struct schema_object object = {0};
    for (int i = 0; i < STATE_COUNT; i++)
        schema_member(&object, state_text((enum task_state)i), "'type':'integer','minimum':0", NULL,
                      true);
    schema_object_end(&object, "How many tasks are in each state.", NULL, out);
}

/* What a client may write of a task of this kind. A field that it may not have may be null. */
static void add_new(struct buf *out, const char *about, const char *step, enum field_use other)
{
    struct schema_object object = {0};
    struct spec_field field;
    for (size_t i = 0; spec_field(i, &field); i++) {
        bool is_step = strcmp(field.name, step) == 0;
        bool out_of_place = field.use == other || (!field.nullable && !is_step);
        char or_null[1024];
        snprintf(or_null, sizeof(or_null), "'anyOf':[{%s},{'type':'null'}]", field.schema);
        schema_member(&object, field.name,
                      out_of_place     ? "'type':'null'"
                      : field.nullable ? or_null
                                       : field.schema,
                      field.about, is_step);
    }
    schema_object_end(&object, about, NULL, out);
}

static void add_new_task(struct buf *out)
{
    add_new(out, "A task to be made.", "function", USE_META);
}

static void add_new_meta(struct buf *out)
{
    add_new(out, "A meta-task to be made: its arguments may be other tasks.", "process", USE_TASK);
}

/* --- the schemas --------------------------------------------------------------------------- */

#define REF(name)      "'$ref':'#/components/schemas/" name "'"
#define COUNT          "{'type':'integer','minimum':0}"
#define NUMBER_OR_NULL "{'type':['number','null']}"
#define OBJECT         "'type':'object','additionalProperties':false,"

static const struct schema schemas[] = {
    {"Cancel",
     OBJECT "'properties':{"
            "'notify':{'description':'false: the event of this end is not told.',"
            "'type':['boolean','null']},"
            "'force':{'description':'true: cancels it whoever else wants it.',"
            "'type':['boolean','null']},"
            "'subscription':{'description':'Whose interest in the task ends.',"
            "'type':['string','null']}}",
     NULL},
    {"CancelFilter",
     OBJECT
     "'description':'The filters of the list; {} is all live tasks.','properties':{"
     "'state':{'anyOf':[{" REF("State") "},{'type':'array','items':{" REF(
         "State") "}},{'type':'null'}]},"
                  "'kind':{'anyOf':[{" REF("Kind") "},{'type':'null'}]},"
                                                   "'function':{'type':['string','null']},"
                                                   "'channel':{'type':['string','null']},"
                                                   "'created_after':{'type':['string','null']},"
                                                   "'created_before':{'type':['string','null']}}",
     NULL},
    {"CancelledCount", OBJECT "'required':['cancelled'],'properties':{'cancelled':" COUNT "}",
     NULL},
    {"CancelledTask", "'allOf':[{" REF("Task") "},{'required':['cancelled']}]", NULL},
    {"Created",
     "'description':'The task; with an array {tasks}; with Prefer: return=minimal {id} or {ids}.',"
     "'anyOf':[{" REF(
         "Task") "},"
                 "{" OBJECT
                 "'required':['tasks'],'properties':{'tasks':{'type':'array','items':{" REF(
                     "Task") "}}}},{" OBJECT
                             "'required':['id'],'properties':{'id':{" REF(
                                 "Id") "}}},"
                                       "{" OBJECT "'required':['ids'],'properties':{'ids':{'type':'"
                                       "array','items':{" REF("Id") "}}}}]",
     NULL},
    {"Creation",
     "'oneOf':[{" REF("NewTask") "},{" REF(
         "NewMetaTask") "},{'type':'array','minItems':1,"
                        "'maxItems':10000,'items':{'oneOf':[{" REF("NewTask") "},{" REF(
                            "NewMetaTask") "}]}}]",
     NULL},
    {"Dependency",
     OBJECT "'required':['id','state','at'],'properties':{'id':{" REF("Id") "},'state':{" REF(
         "State") "},'at':{'description':'JSON Pointer to its place in the task.',"
                  "'type':'string'}}",
     NULL},
    {"Description", "'type':'object','required':['openapi','info','paths']", NULL},
    {"Error",
     OBJECT "'required':['code','message'],'properties':{'code':{" REF(
         "ErrorCode") "},"
                      "'message':{'type':'string'},'exit_status':{'type':'integer'},'signal':{'"
                      "type':'integer'},"
                      "'caused_by':{" REF("Id") "},'attempt':{'type':'integer','minimum':1}}",
     NULL},
    {"ErrorCode", NULL, add_failure_codes},
    {"Event", NULL, add_event},
    {"EventType", NULL, add_event_types},
    {"FunctionList",
     OBJECT "'required':['functions'],'properties':{'functions':{'type':'array','items':{" OBJECT
            "'required':['name','mode','description','timeout','concurrency','max_attempts',"
            "'queued','running','workers','last_error'],'properties':{'name':{'type':'string'},"
            "'mode':{'type':'string'},'description':{'type':['string','null']},"
            "'timeout':" NUMBER_OR_NULL ",'concurrency':" NUMBER_OR_NULL
            ",'max_attempts':{'type':'integer','minimum':1},'queued':" COUNT ",'running':" COUNT
            ",'workers':{'anyOf':[{'type':'null'},{" OBJECT "'required':['alive','idle'],"
            "'properties':{'alive':" COUNT ",'idle':" COUNT "}}]},'last_error':{'anyOf':["
            "{'type':'null'},{" REF("LastError") "}]}}}}}",
     NULL},
    {"Health",
     OBJECT "'required':['status'],'properties':{'status':"
            "{'enum':['ok','ready','starting','draining','storage-full']}}",
     NULL},
    {"Heartbeat",
     OBJECT "'properties':{'progress':{'type':['number','null'],'minimum':0,'maximum':100},"
            "'message':{'type':['string','null']},"
            "'log':{'type':['array','null'],'items':{'type':'string'}}}",
     NULL},
    {"Id", "'type':'string','pattern':'^[A-Za-z0-9_-]{1,64}$'", NULL},
    {"Kind", "'enum':['task','meta']", NULL},
    {"LastError",
     OBJECT "'description':'Of the last attempt that failed since the server started.',"
            "'required':['code','message','at','task'],'properties':{"
            "'code':{" REF("ErrorCode") "},'message':{'type':'string'},"
                                        "'at':{" REF("Time") "},'task':{" REF("Id") "}}",
     NULL},
    {"LeaseEnded",
     OBJECT
     "'required':['id','state'],'properties':{'id':{" REF("Id") "},'state':{" REF("State") "}}",
     NULL},
    {"LeaseError",
     OBJECT "'properties':{'code':{'type':['string','null']},'message':{'type':['string','null']},"
            "'data':{'description':'Any JSON; it goes to the log.'},"
            "'retry':{'description':'false: trying again would not help.',"
            "'type':['boolean','null']}}",
     NULL},
    {"LeaseRenewed",
     OBJECT "'required':['cancel','expires_at'],'properties':{'cancel':{'type':'boolean'},"
            "'expires_at':{" REF("Time") "}}",
     NULL},
    {"LeaseRequest",
     OBJECT "'required':['functions'],'properties':{'functions':{'type':'array','items':"
            "{'type':'string'}},'max':{'type':['integer','null'],'minimum':1,'maximum':100},"
            "'wait':{'type':['number','null'],'minimum':0},"
            "'ttl':{'type':['number','null'],'minimum':1,'maximum':3600}}",
     NULL},
    {"Leases",
     OBJECT "'required':['leases'],'properties':{'leases':{'type':'array','items':{" OBJECT
            "'required':['lease','expires_at','task'],'properties':{'lease':{'type':'string'},"
            "'expires_at':{" REF("Time") "},'task':{" REF("Task") "}}}}}",
     NULL},
    {"NewMetaTask", NULL, add_new_meta},
    {"NewTask", NULL, add_new_task},
    {"Problem",
     OBJECT "'description':'RFC 9457.','required':['type','title','status','detail'],"
            "'properties':{'type':{" REF(
                "ProblemType") "},'title':{'type':'string'},"
                               "'status':{'type':'integer','minimum':400,'maximum':599},'detail':{'"
                               "type':'string'},"
                               "'errors':{'type':'array','minItems':1,'items':{" OBJECT
                               "'required':['detail'],"
                               "'properties':{'pointer':{'description':'JSON Pointer into the "
                               "body.','type':'string'},"
                               "'parameter':{'description':'A query parameter or "
                               "header.','type':'string'},"
                               "'detail':{'type':'string'}}}},"
                               "'error':{'description':'Of a task that failed or was cancelled.',"
                               "'anyOf':[{" REF("Error") "},{'type':'null'}]}}",
     NULL},
    {"ProblemPage",
     OBJECT "'required':['type','title','status','description'],'properties':{'type':{" REF(
         "ProblemType") "},'title':{'type':'string'},'status':{'type':'integer'},"
                        "'description':{'type':'string'}}",
     NULL},
    {"ProblemType", NULL, add_problem_types},
    {"Progress",
     OBJECT "'required':['value'],'properties':{'value':{'type':'number','minimum':0,"
            "'maximum':100},'message':{'type':['string','null']}}",
     NULL},
    {"Reset",
     OBJECT "'description':'The data of the event reset: what is older than this id is gone.',"
            "'required':['oldest'],'properties':{'oldest':{'type':'integer','minimum':0}}",
     NULL},
    {"Result", "'description':'What the function gave back: any JSON.'", NULL},
    {"State", NULL, add_states},
    {"StateCounts", NULL, add_state_counts},
    {"Stats",
     OBJECT "'required':['states','live','slots','subscribers','writes','commits'],"
            "'properties':{'states':{" REF(
                "StateCounts") "},'live':" COUNT ",'slots':{" OBJECT
                               "'required':['total','used'],'properties':{'total':" COUNT
                               ",'used':" COUNT "}},"
                               "'subscribers':" COUNT ",'writes':" COUNT ",'commits':" COUNT "}",
     NULL},
    {"Task", NULL, task_json_schema},
    {"TaskList",
     OBJECT
     "'required':['tasks','next_cursor'],'properties':{'tasks':{'type':'array','items':{" REF(
         "Task") "}},'next_cursor':{'description':'For the next page; null on the last one.',"
                 "'type':['string','null']}}",
     NULL},
    {"Time",
     "'type':'string','format':'date-time',"
     "'pattern':'^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$'",
     NULL},
};

const struct schema *schema_at(size_t i)
{
    return i < array_size(schemas) ? &schemas[i] : NULL;
}

void schema_render(const struct schema *schema, struct buf *out)
{
    if (schema->add) {
        schema->add(out);
        return;
    }
    buf_add_char(out, '{');
    schema_add(out, schema->fragment);
    buf_add_char(out, '}');
}
