/* SPDX-License-Identifier: BSD-3-Clause */
/* test_config.c - settings: defaults, options, environment, and what is wrong
 * with them. */
#include "config.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct config config;
static char why[200];

static bool read_options(const char *options)
{
    *why = 0;
    return config_read(&config, options, NULL, why, sizeof why);
}

static bool read_variable(const char *options, char *variable)
{
    char *environment[] = {"PATH=/bin", variable, NULL};
    *why = 0;
    return config_read(&config, options, environment, why, sizeof why);
}

static void check_wrong(const char *options, const char *word)
{
    CU_ASSERT_FALSE(read_options(options));
    if (!strstr(why, word)) CU_FAIL("the reason does not name the mistake");
    CU_ASSERT_PTR_NULL(strchr(why, '\n'));
}

static void defaults_are_as_the_table_says(void)
{
    CU_ASSERT_TRUE(read_options(NULL));
    CU_ASSERT_EQUAL(config.value[CONFIG_BIND], 0);
    CU_ASSERT_EQUAL(config.value[CONFIG_DURABLE], 0);
    CU_ASSERT_STRING_EQUAL(config.journal, "");
    CU_ASSERT_EQUAL(config.value[CONFIG_FAKE_NODES], 0);
    CU_ASSERT_EQUAL(config.value[CONFIG_HELP], 0);
    CU_ASSERT_EQUAL(config.value[CONFIG_ISOLATE], ISOLATE_OFF);
    CU_ASSERT_EQUAL(config.value[CONFIG_LOG], 1);
    CU_ASSERT_EQUAL(config.value[CONFIG_REPORT], 0);
    CU_ASSERT_EQUAL(config.value[CONFIG_STEAL], 1);
    CU_ASSERT_EQUAL(config.value[CONFIG_TABLE], 0);
    CU_ASSERT_EQUAL(config.value[CONFIG_TRACE], 0);
    CU_ASSERT_STRING_EQUAL(config.trace, "");
    CU_ASSERT_EQUAL(config.value[CONFIG_TRACE_MIB], 64);
    CU_ASSERT_STRING_EQUAL(why, "");
}

static void every_option_can_be_set(void)
{
    static const struct {
        const char *text;
        enum config_option option;
        int value;
    } cases[] = {
        {"bind=compact", CONFIG_BIND, 0},
        {"bind=spread", CONFIG_BIND, 1},
        {"bind=none", CONFIG_BIND, 2},
        {"fake_nodes=0", CONFIG_FAKE_NODES, 0},
        {"fake_nodes=12", CONFIG_FAKE_NODES, 12},
        {"fake_nodes=4096", CONFIG_FAKE_NODES, 4096},
        {"help=1", CONFIG_HELP, 1},
        {"isolate=off", CONFIG_ISOLATE, ISOLATE_OFF},
        {"isolate=tasks", CONFIG_ISOLATE, ISOLATE_TASKS},
        {"isolate=process", CONFIG_ISOLATE, ISOLATE_PROCESS},
        {"log=error", CONFIG_LOG, 0},
        {"log=debug", CONFIG_LOG, 3},
        {"memory=512M", CONFIG_MEMORY, 1},
        {"memory=", CONFIG_MEMORY, 0},
        {"report=1", CONFIG_REPORT, 1},
        {"scratch=/tmp", CONFIG_SCRATCH, 1},
        {"steal=0", CONFIG_STEAL, 0},
        {"durable=got", CONFIG_DURABLE, 1},
        {"durable=marked", CONFIG_DURABLE, 0},
        {"table=1", CONFIG_TABLE, 1},
        {"trace=a.json", CONFIG_TRACE, 1},
        {"trace=", CONFIG_TRACE, 0},
        {"trace_mib=7", CONFIG_TRACE_MIB, 7},
    };

    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        char variable[64] = "DISTMPI_", *name = variable + strlen(variable);
        strcpy(name, cases[i].text);
        for (; *name && *name != '='; name++)
            if (*name >= 'a' && *name <= 'z') *name -= 'a' - 'A';
        CU_ASSERT_TRUE(read_options(cases[i].text));
        CU_ASSERT_EQUAL(config.value[cases[i].option], cases[i].value);
        CU_ASSERT_TRUE(read_variable(NULL, variable));
        CU_ASSERT_EQUAL(config.value[cases[i].option], cases[i].value);
    }
}

static void file_keeps_its_name(void)
{
    char longest[CONFIG_FILE_MAX] = "", variable[2 * CONFIG_FILE_MAX];

    CU_ASSERT_TRUE(read_options("trace=Some/File.json report=1"));
    CU_ASSERT_STRING_EQUAL(config.trace, "Some/File.json");
    CU_ASSERT_TRUE(read_variable("trace=a", "DISTMPI_TRACE=b c,d"));
    CU_ASSERT_STRING_EQUAL(config.trace, "b c,d");
    CU_ASSERT_TRUE(read_variable("trace=a", "DISTMPI_TRACE="));
    CU_ASSERT_STRING_EQUAL(config.trace, "");
    CU_ASSERT_EQUAL(config.value[CONFIG_TRACE], 0);
    memset(longest, 'x', sizeof longest - 1);
    snprintf(variable, sizeof variable, "DISTMPI_TRACE=%s", longest);
    CU_ASSERT_TRUE(read_variable(NULL, variable));
    CU_ASSERT_STRING_EQUAL(config.trace, longest);
    strcat(variable, "x");
    CU_ASSERT_FALSE(read_variable(NULL, variable));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "DISTMPI_TRACE"));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "1023"));
}

static void list_of_resources_may_have_blanks_in_the_environment(void)
{
    CU_ASSERT_TRUE(read_options("resources=gpu:2+license:1@pool report=1"));
    CU_ASSERT_STRING_EQUAL(config.resources, "gpu:2+license:1@pool");
    CU_ASSERT_EQUAL(config.value[CONFIG_REPORT], 1);
    CU_ASSERT_TRUE(read_variable(NULL, "DISTMPI_RESOURCES=gpu:2, tape"));
    CU_ASSERT_STRING_EQUAL(config.resources, "gpu:2, tape");
    CU_ASSERT_TRUE(read_options(NULL));
    CU_ASSERT_STRING_EQUAL(config.resources, "");
}

static void options_are_parted_by_blanks(void)
{
    CU_ASSERT_TRUE(read_options("  bind=none\treport=1\n steal=0 "));
    CU_ASSERT_EQUAL(config.value[CONFIG_BIND], 2);
    CU_ASSERT_EQUAL(config.value[CONFIG_REPORT], 1);
    CU_ASSERT_EQUAL(config.value[CONFIG_STEAL], 0);
    CU_ASSERT_TRUE(read_options(""));
    CU_ASSERT_TRUE(read_options("   "));
}

static void last_of_equal_options_counts(void)
{
    CU_ASSERT_TRUE(read_options("log=debug log=error"));
    CU_ASSERT_EQUAL(config.value[CONFIG_LOG], 0);
}

static void case_does_not_matter(void)
{
    CU_ASSERT_TRUE(read_options("BIND=None Log=INFO"));
    CU_ASSERT_EQUAL(config.value[CONFIG_BIND], 2);
    CU_ASSERT_EQUAL(config.value[CONFIG_LOG], 2);
}

static void environment_is_stronger_than_options(void)
{
    CU_ASSERT_TRUE(read_variable("steal=1 report=1", "DISTMPI_STEAL=0"));
    CU_ASSERT_EQUAL(config.value[CONFIG_STEAL], 0);
    CU_ASSERT_EQUAL(config.value[CONFIG_REPORT], 1);
}

static void foreign_variables_are_left_alone(void)
{
    CU_ASSERT_TRUE(read_variable(NULL, "OTHER_STEAL=7"));
    CU_ASSERT_TRUE(read_variable(NULL, "DISTMPIX=7"));
}

static void unknown_name_is_an_error_that_names_it(void)
{
    check_wrong("steel=1", "steel");
    check_wrong("report=1 bindx=none", "bindx");
    check_wrong("=1", "DISTMPI_");
    CU_ASSERT_FALSE(read_variable(NULL, "DISTMPI_STEALS=1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "DISTMPI_STEALS"));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "DISTMPI_HELP"));
}

static void bad_value_is_an_error_that_tells_the_good_ones(void)
{
    check_wrong("bind=tight", "compact|spread|none");
    check_wrong("bind=comp", "compact");
    check_wrong("bind=", "compact");
    check_wrong("bind=compact|spread", "compact");
    check_wrong("steal=2", "0|1");
    check_wrong("steal=yes", "yes");
    check_wrong("trace_mib=0", "from 1 to 65536");
    check_wrong("fake_nodes=4097", "4096");
    check_wrong("fake_nodes=-1", "-1");
    check_wrong("fake_nodes=1x", "1x");
    check_wrong("memory=12x", "512M");
    check_wrong("memory=1023K", "from 1M on");
    check_wrong("memory=-1G", "-1G");
    check_wrong("memory=16777216T", "512M");
    check_wrong("fake_nodes=", "4096");
    check_wrong("fake_nodes=99999999999999999999", "4096");
    CU_ASSERT_FALSE(read_variable(NULL, "DISTMPI_STEAL=maybe"));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "DISTMPI_STEAL is 'maybe'"));
}

/* ---- every option, with values of all kinds --------------------------------*/

enum { LONG = 5000 };

static bool is_refused(const char *name, const char *value)
{
    char variable[LONG + 64];
    snprintf(variable, sizeof variable, "%s=%s", name, value);
    if (read_variable(NULL, variable)) return false;
    CU_ASSERT_PTR_NOT_NULL(strstr(why, name));
    CU_ASSERT_PTR_NULL(strchr(why, '\n'));
    if (strlen(value) < 32) CU_ASSERT_PTR_NOT_NULL(strstr(why, ": use "));
    return true;
}

/* VALUES: as the help tells them. */
static void refuse_all(const char *name, const char *values, bool is_size)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "-",
                                      "-1",
                                      "+1",
                                      "x",
                                      "1x",
                                      "0x1",
                                      "1e3",
                                      "1.5",
                                      "1,",
                                      " 1",
                                      "1 ",
                                      "nan",
                                      "\n",
                                      "1\n",
                                      "|",
                                      "\xff\xfe",
                                      "%s%n",
                                      "1 GiB",
                                      "0|1|none",
                                      "-99999999999999999999",
                                      "99999999999999999999"};
    static char longest[LONG];
    memset(longest, '9', sizeof longest - 1);
    CU_ASSERT(is_refused(name, longest));
    bool text = !strchr(values, '|') && !strstr(values, "..") && !is_size;
    for (size_t i = 0; !text && i < CHECK_COUNT(bad); i++)
        if ((*bad[i] || !is_size) && !is_refused(name, bad[i])) {
            fprintf(stderr, "\n    %s='%s' is taken\n", name, bad[i]);
            CU_FAIL("a value that makes no sense is taken");
        }
}

static void every_option_refuses_what_makes_no_sense(void)
{
    char *help = config_help(), *end = NULL;
    size_t seen = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(help);
    for (char *line = strtok_r(help, "\n", &end); line;
         line = strtok_r(NULL, "\n", &end), seen++) {
        char name[64], values[64], kind[64];
        CU_ASSERT_EQUAL_FATAL(
            sscanf(line, "%63s %63s %63s", name, values, kind), 3);
        refuse_all(name, values, !strcmp(kind, "size"));
    }
    CU_ASSERT_EQUAL(seen, CONFIG_OPTIONS);
    free(help);
}

static void option_without_a_value_is_an_error(void)
{
    check_wrong("steal", "steal");
    check_wrong("steal=0 report", "report");
}

static void reason_is_cut_to_its_buffer(void)
{
    char little[8];

    CU_ASSERT_FALSE(
        config_read(&config, "nonsense=1", NULL, little, sizeof little));
    CU_ASSERT_EQUAL(strlen(little), sizeof little - 1);
}

static void help_has_a_line_for_each_option(void)
{
    static const char *const names[] = {"BIND",
                                        "DEADLINE",
                                        "GRACE",
                                        "CRASH_LIMIT",
                                        "DURABLE",
                                        "FAKE_NODES",
                                        "HELP",
                                        "ISOLATE",
                                        "JOURNAL",
                                        "RESOURCES",
                                        "LOG",
                                        "REPLICAS",
                                        "REPORT",
                                        "STEAL",
                                        "TABLE",
                                        "TRACE ",
                                        "TRACE_MIB",
                                        "BEAT_SECONDS",
                                        "DEAD_SECONDS",
                                        "MIN_WORKERS",
                                        "RECOVERY",
                                        "MEMORY",
                                        "SCRATCH",
                                        "SUSPECT_SECONDS",
                                        "WATCHDOG_SECONDS"};
    char *help = config_help();
    size_t lines = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(help);
    CU_ASSERT_EQUAL(CHECK_COUNT(names), CONFIG_OPTIONS);
    for (const char *c = help; *c; c++) lines += *c == '\n';
    CU_ASSERT_EQUAL(lines, CONFIG_OPTIONS);
    for (size_t i = 0; i < CHECK_COUNT(names); i++) {
        char name[32] = "DISTMPI_";
        CU_ASSERT_PTR_NOT_NULL(strstr(help, strcat(name, names[i])));
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(help, "[warn]"));
    CU_ASSERT_PTR_NOT_NULL(strstr(help, "[compact]"));
    CU_ASSERT_PTR_NOT_NULL(strstr(help, "0..4096"));
    free(help);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"defaults are as the table says", defaults_are_as_the_table_says},
        {"every option can be set", every_option_can_be_set},
        {"file keeps its name", file_keeps_its_name},
        {"list of resources may have blanks in the environment",
         list_of_resources_may_have_blanks_in_the_environment},
        {"options are parted by blanks", options_are_parted_by_blanks},
        {"last of equal options counts", last_of_equal_options_counts},
        {"case does not matter", case_does_not_matter},
        {"environment is stronger than options",
         environment_is_stronger_than_options},
        {"foreign variables are left alone", foreign_variables_are_left_alone},
        {"unknown name is an error that names it",
         unknown_name_is_an_error_that_names_it},
        {"bad value is an error that tells the good ones",
         bad_value_is_an_error_that_tells_the_good_ones},
        {"every option refuses what makes no sense",
         every_option_refuses_what_makes_no_sense},
        {"option without a value is an error",
         option_without_a_value_is_an_error},
        {"reason is cut to its buffer", reason_is_cut_to_its_buffer},
        {"help has a line for each option", help_has_a_line_for_each_option},
    };
    return check_run("config", tests, CHECK_COUNT(tests));
}
