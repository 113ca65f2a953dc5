#!/bin/sh
# SPDX-License-Identifier: MIT
# report: the page of a run, its figures, what it refuses, and how it looks in a browser.
. "${top_srcdir:?}/tests/cli/lib.sh"

# What the page says under an id, and how often it says something.
says() { sed -n "s/.* id=\"$1\"[^>]*>\([^<]*\)<.*/\1/p" page.html; }
count() { grep -c -- "$1" page.html; }

# report ARGUMENT...: the page to page.html
report()
{
    rm -f page.html
    run "$HAYFORK" report "$@" -o page.html
}

# results JOBS WORKERS: made-up result lines with times; every 100th is an error, every 250th took two attempts
results()
{
    awk -v jobs="$1" -v workers="$2" 'BEGIN {
        for (i = 1; i <= jobs; i++) {
            start = 1763847841 + int(i / workers) * 0.01
            meta = sprintf("\"seq\":%d,\"worker\":%d,\"pid\":%d,\"start\":%.6f,\"wall_ms\":%.3f}", i, i % workers,
                           100 + i % workers, start, i % 37 ? 2 + i % 7 : 9.5)
            if (i % 100 == 0)
                printf "{\"id\":%d,\"status\":\"error\",\"error\":{\"message\":\"row %d of /in/%d.csv is bad\"},%s\n",
                       i, i, i, meta
            else
                printf "{\"id\":%d,\"status\":\"ok\",\"result\":%d,%s%s\n", i, 2 * i, i % 250 ? "" : "\"attempts\":2,", meta
        }
    }'
}

results 100 4 >hundred
report hundred
is "a page is made, in silence" "$code $(cat out err)" "0 "
is "it counts" "$(says verdict)|$(says jobs)|$(says failed)|$(says count-ok)|$(says count-error)" \
    "1 of 100 jobs failed|100|1|99|1"
is "it tells the times" "$(says wall)|$(says busy)|$(count '4 workers')" "254 ms|50 %|2"
is "it shows each job" "$(count '<rect class="ok')|$(count '<rect class="bad')" "99|1"
is "it names a failure with its job" \
    "$(count '>row # of \* is bad<')|$(count '>row 100 of /in/100.csv is bad<')" "1|1"
is "it needs no network and no script" "$(grep -ciE 'https?:|<script|src=|@import|url\(' page.html)" 0
run "$HAYFORK" report hundred
is "stdout is the default" "$code $(tail -n 1 out)" "0 </html>"
run sh -c '"$HAYFORK" report - <hundred | grep -c "standard input"
cat hundred | "$HAYFORK" report - -o - >page2; tail -n 1 page2'
is "results come from a file or a pipe at stdin" "$(cat out)" "2$newline</html>"

# The page does not take the place of what it is made of.
cp hundred kept
ln -sf kept link
run "$HAYFORK" report kept -o kept
is "not over the results" "$code $(head -n 1 err)" "2 hayfork report: 'kept' is both input and output"
run "$HAYFORK" report kept -o link
is "nor by another name" "$code" 2
run sh -c '"$HAYFORK" report - -o kept <kept'
is "nor from stdin" "$code" 2
ok "they are as they were" cmp -s hundred kept

# What the results cannot tell.
printf '{"id":1,"status":"ok","result":1}\n{"id":2,"status":"timeout","error":{"message":"x"}}\n' >plain
report plain
is "without times there are no charts but a hint" \
    "$code|$(says verdict)|$(count '<svg')|$(count 'run with <code>--meta')" "0|1 of 2 jobs failed|0|1"
: >empty
report empty
is "an empty file" "$code|$(says verdict)|$(says jobs)" "0|No results|0"
printf '{"id":1,"status":"skipped","error":{"message":"halted"},"seq":1}\n' >skipped
report skipped
is "nothing ran" "$code|$(says verdict)|$(says failed)" "0|None of 1 job ran|0"
head -n 1 hundred >one
report one
is "one job" "$code|$(says verdict)|$(says busy)" "0|The job ended ok|100 %"
# verdict_of STATUS...: of results that end so
verdict_of()
{
    for status; do
        printf '{"id":1,"status":"%s","error":{"message":"m"}}\n' "$status" | sed '/"ok"/s/"error".*/"result":1}/'
    done >ends
    report ends
    says verdict
}
is "the verdict, in words" "$(verdict_of error; verdict_of error crash; verdict_of timeout skipped; verdict_of ok cancelled;
    verdict_of skipped cancelled ok error)" "The job failed
All 2 jobs failed
1 of 2 jobs failed, 1 not run
1 of 2 jobs not run
1 of 4 jobs failed, 2 not run"
printf '\357\273\277{"id":1,"status":"ok","result":1}\r\n\r\n  \n{"id":2,"status":"ok","result":1}' >dos
report dos
is "BOM, CR, blank lines, and no last line end" "$code|$(says verdict)|$(cat err)" "0|All 2 jobs ended ok|"

# Torn, and not ours.
{ cat hundred; head -c 50 /dev/zero; } >torn
report torn
is "so it is where a power cut left it unwritten" "$code|$(says jobs)" "0|100"
{ cat hundred; printf '{"id":101,"status":"o'; } >torn
report torn
is "a torn last line is left out and said" "$code|$(says jobs)|$(count 'last line is cut off')|$(cat err)" \
    "0|100|1|hayfork report: torn: the last line is cut off and was left out"
# refused NAME FILE WHERE
refused()
{
    echo old >page.html
    run "$HAYFORK" report "$2" -o page.html
    is "$1: refused with its line" "$code|$(cut -d ' ' -f 3 err)|$(wc -l <err)|$(cat page.html)" "65|$2:$3:|1|old"
}
{ sed 50q hundred; echo 'no'; sed 1,50d hundred; echo '{"id":1}'; } >spoilt
refused "two bad lines" spoilt 51:1
echo 'Subject: hello' >letter
refused "a file that is not ours" letter 1:1
printf 'hello' >short
refused "and has no line end" short 1:1
printf '{"id":1,"status":"error","error":{"message":"a\377b"}}\n' >latin
refused "invalid UTF-8" latin 1:47
head -c 3000000 /dev/zero >zeros
run "$HAYFORK" report zeros -o page.html
is "zeros: refused" "$code|$(wc -l <err)" "65|1"
run "$HAYFORK" report nosuch -o page.html
is "no such file" "$code|$(cat err)" "65|hayfork report: cannot read nosuch: No such file or directory"
run "$HAYFORK" report . -o page.html
is "a directory" "$code|$(cat err)" "65|hayfork report: cannot read .: Is a directory"

# What comes from plugins is text, whatever it looks like.
cat >hostile <<'END'
{"id":"<script>alert(1)</script>","status":"error","error":{"message":"<script>alert(2)</script>\" onload='x' &amp; \u0007 <img src=x>"}}
{"id":"'\"><b>","status":"crash","error":{"message":"</span></style><style>*{display:none}","signal":11}}
END
cp hostile '<b>&"x'
shown='&lt;script&gt;alert(2)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp;amp; .* &lt;img'
report '<b>&"x'
is "markup in ids, messages and names is shown, not obeyed" \
    "$code|$(grep -ciE '<script|<img|onload=.x|<b>&"x' page.html)|$(count '^</style>$')|$(count "$shown")" \
    "0|0|1|1"

# So is what is no ASCII, but for controls, byte order marks, and what turns the direction of a line.
printf '%s\n' '{"id":"\u00e9\u65e5\ud83d\ude00","status":"error","error":{"message":"a\u061cb\u200ec\u200fd\u202ae\u202ef"}}' \
    '{"id":"g\u2028h\u2066i\u2069j\ufeffk\ufffel\u007fm\u009fn\u001bo","status":"error","error":{"message":"\u2027\u202f\u2065"}}' >marks
report marks
shown() { sed 's/\o357\o277\o275/?/g' page.html | grep -o "$1[^<]*" | sed 's/.*>//' | sort -u | tr '\n' ' '; }
is "characters are shown, but those that would not show" "$(shown 'job <code>')" \
    "g?h?i?j?k?l?m?n?o $(printf '\303\251\346\227\245\360\237\230\200') "
is "also in messages, each byte for byte" "$(shown '"message">')" "a?b?c?d?e?f $(printf '\342\200\247\342\200\257\342\201\245') "

# What is too long is cut at a character, and nothing of another text comes behind it.
awk 'BEGIN {
    for (i = 0; i < 397; i++)
        long = long "B"
    for (i = 1; i <= 4; i++) {
        message = i % 2 ? long "\360\237\230\200 tail" : substr(long, 1, 390) "xxxxxxxxxxxxx" i
        printf "{\"id\":\"%s\",\"status\":\"error\",\"error\":{\"message\":\"%s\"}}\n", substr(message, 336), message
    }
}' >long
report long
cut() { grep -o "$1>B\\{50,\\}[^<]*" page.html | sed 's/B\{50,\}/B/' | sort | uniq -c | tr -s ' \n' ' '; }
is "messages: two kinds, with two examples each" "$code|$(cut '"message"')" '0| 3 "message">B 3 "message">Bxxxxxxxxxx '
is "ids" "$(cut code)" " 2 code>B 2 code>Bxxxxxxxxx "

# What is told of a job that failed, and of one without an id.
printf '%s\n' '{"status":"rejected","line":1234,"error":{"message":"no }"},"seq":1}' \
    '{"id":"r","status":"rejected","line":3,"error":{"message":"no }"},"seq":2}' \
    '{"status":"crash","error":{"message":""},"attempts":2,"seq":3,"worker":4,"pid":1,"start":1763847841,"wall_ms":0}' \
    '{"status":"error","error":{"message":"x"}}' >nameless
report nameless
is "examples say which job it was" "$code|$(sed -n 's/.*class="example"><p>\(.*\)<.p>.*/\1/p' page.html | sort | tr '\n' '|')" \
    '0|job 3, after &lt;1 µs on worker 4, attempt 2|job without an id|line 1,234|line 3, id <code>r</code>|'
is "so do the charts" "$(count '<title>job 3: crash, &lt;1')|$(count '<tr><td><code>3</code>')|$(count '(no message)')" "1|1|1"
awk 'BEGIN {
    for (i = 2; i <= 1002; i++)
        printf "{\"id\":%d,\"status\":\"ok\",\"result\":1}\n", i
    print "{\"id\":1,\"status\":\"error\",\"error\":{\"message\":\"at 0x7ffDE of deadbeef00 by 3.25, code 12 = 7 errno 3.5\"}}"
}' >rare
report rare
is "numbers in all forms are one kind" "$code|$(sed -n 's/.*s-error.*"message">\([^<]*\)<.*/\1/p' page.html)" \
    '0|at # of # by #, code 12 = # errno 3.5'
is "and nearly all is not all" "$(count '&gt;99.9 % ok')|$(count '&lt;0.1 %')" "1|3"

# The newest result of a job counts.
{ cat hundred; printf '{"id":100,"status":"ok","result":1,"attempts":2,"seq":100,"key":"00000000000000ff"}\n'; } >again
report again
is "the newest result of a job counts" "$code|$(says verdict)|$(says jobs)|$(says flaky)|$(count '1 line made void')" \
    "0|All 100 jobs ended ok|100|1|1"
sed 's/"error"/"crash"/; s/,"seq":\([0-9]*\).*/,"seq":\1,"key":"00000000000000ff"}/' hundred >keyed
report keyed
is "a journal: how to run the failed ones again" "$code|$(count '^.*hayfork run --retry-failed -o keyed')" "0|1"

# Times that no clock should tell.
awk '{ sub(/"start":[0-9.]*/, "\"start\":" sprintf("%.6f", 1763847841 - NR)) } 1' hundred >backwards
report backwards
is "a clock that goes backwards" "$code|$(says jobs)|$(says wall)" "0|100|1 min 39 s"
most=9223372036854
printf '{"id":1,"status":"ok","result":1,"seq":%s,"worker":%s,"pid":1,"start":%s,"wall_ms":%s.775}\n' \
    1 2147483647 9223372036.854775 $most ${most}775807 0 0.000001 $most >huge
report huge
is "huge times, numbers and workers" "$code|$(says jobs)|$(cat err)" "0|2|"
{ cat hundred; awk '{ gsub(/"seq":/, "&100"); sub(/"start":17638/, "\"start\":17639") } 1' hundred; } >resumed
report resumed
is "a run resumed the next day: the night is cut out, and said" \
    "$code|$(says jobs)|$(says wall | grep -c ms)|$(count 'Nothing ran for 1 d 4 h')|$(grep -o 'class="cut"' page.html | wc -l)" \
    "0|200|1|1|2"

# Times from a trace.
sed 's/,"seq":.*/}/' hundred >untimed
awk 'BEGIN {
        printf "[{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":7,\"args\":{\"name\":\"hayfork\",\"start\":1763847841.000}}"
    }
    {
        printf ",\n{\"name\":\"demo.add\",\"cat\":\"job\",\"ph\":\"X\",\"ts\":%d.250,\"pid\":7,\"tid\":%d,\"dur\":2000.125,",
               NR * 1000, NR % 3
        printf "\"args\":{\"id\":%d,\"seq\":%d,\"status\":\"ok\",\"attempts\":1}}", NR, NR
        printf ",\n{\"name\":\"retry\",\"s\":\"t\",\"ph\":\"i\",\"ts\":5,\"pid\":7,\"tid\":0,\"args\":{\"attempt\":2}}"
    }
    END { print "\n]" }' hundred >trace
report untimed --trace trace
is "times from a trace" "$code|$(says jobs)|$(says wall)|$(count '3 workers')|$(count ': 100 slices')|$(cat err)" \
    "0|100|101 ms|2|1|"
report hundred --trace trace
is "a trace adds nothing where the results have times" "$code|$(says wall)|$(count ': 0 slices')" "0|254 ms|1"
sed 's/,"worker":.*/}/' hundred | sed 50q >half
sed 1,50d hundred >>half
report half --trace trace
is "a trace fills the gaps" "$code|$(count ': 50 slices')|$(count '<rect class="')" "0|1|100"
sed 's/,"worker":.*/}/; 1,9s/"ok","result":[0-9]*/"error","error":{"message":"no"}/' hundred >worse
report worse --trace trace
is "a slice of another end than its job's is of an earlier run" "$code|$(says failed)|$(count ': 90 slices')" "0|10|1"
head -c 15000 trace >short_trace
report untimed --trace short_trace
is "a trace that was cut off" "$code|$(count 'trace is cut off')|$(says wall | grep -c ms)" "0|1|1"
report untimed --trace hundred
is "a trace that is none" "$code|$(cat err)" \
    "65|hayfork report: hundred:1: not a trace event (a trace is an array with one event a line)"
report untimed --trace nosuch
is "no such trace" "$code|$(wc -l <err)" "65|1"

# Where it goes.
mkdir -p folder
(umask 027 && "$HAYFORK" report hundred -o folder/new.html)
is "a new page has the usual mode, and nothing else stays" "$(stat -c %a folder/new.html) $(ls folder)" "640 new.html"
echo old >folder/target.html
chmod 604 folder/target.html
ln -s folder/target.html link.html
run "$HAYFORK" report hundred -o link.html
is "through a link its target is replaced, with its mode" \
    "$code|$(stat -c %a folder/target.html)|$(tail -n 1 link.html)|$(ls folder | wc -l)" \
    "0|604|</html>|2"
ln -s made.html folder/first
ln -s folder/first dangling
run "$HAYFORK" report hundred -o dangling
is "through links to nothing their target is made" \
    "$code|$(readlink dangling) $(readlink folder/first)|$(tail -n 1 folder/made.html)" "0|folder/first made.html|</html>"
ln -s loop loop
run "$HAYFORK" report hundred -o loop
is "links in a circle" "$code|$(cat err)" "74|hayfork report: cannot write loop: Too many levels of symbolic links"
rm folder/first folder/made.html
ln -s /proc/self/fd/1 descriptor
{ echo head; "$HAYFORK" report hundred -o descriptor; echo tail; } >opened
is "an open descriptor is written to where it stands" \
    "$(head -n 1 opened)|$(grep -c '</html>' opened)|$(tail -n 1 opened)|$(readlink descriptor)" "head|1|tail|/proc/self/fd/1"
{
    rm gone
    "$HAYFORK" report hundred -o descriptor >&3
    tail -n 1 /proc/self/fd/3 >last
} 3>gone
is "also when its file has no name any more" "$(cat last)|$(readlink descriptor)" "</html>|/proc/self/fd/1"
name=$(printf '%0255d' 0)
run "$HAYFORK" report hundred -o "folder/$name"
is "a name as long as names may be" "$code|$(tail -n 1 "folder/$name")" "0|</html>"
rm "folder/$name"
run sh -c 'ulimit -f 1 && "$HAYFORK" report hundred -o folder/new.html'
is "no room: the old page stays" "$code|$(tail -n 1 folder/new.html)|$(ls folder | wc -l)" "74|</html>|2"
run "$HAYFORK" report hundred -o nowhere/page.html
is "no such folder" "$code|$(cat err)" "74|hayfork report: cannot write nowhere/page.html: No such file or directory"
run sh -c '"$HAYFORK" report hundred >/dev/full'
is "a full device" "$code|$(wc -l <err)" "74|1"
run "$HAYFORK" report hundred -o /dev/null
is "a device is written to" "$code|$(stat -c %F /dev/null)" "0|character special file"
run "$HAYFORK" report
is "no file named" "$code" 2
run "$HAYFORK" report hundred plain
is "two files named" "$code" 2
run "$HAYFORK" report - --trace -
is "stdin named twice" "$code" 2

# A run of our own.
awk 'BEGIN {
    for (i = 1; i <= 300; i++)
        printf "{\"fn\":\"demo.%s\",\"args\":{\"a\":%d,\"b\":1,\"message\":\"bad luck %d\"}}\n", i % 50 ? "add" : "fail", i, i
}' >work
"$HAYFORK" run -j 2 -p demo --meta work >real
report real
is "the results of a run" "$code|$(says jobs)|$(says count-ok)|$(says count-error)|$(count '>bad luck #<')" "0|300|294|6|1"

# A million.
results 1000000 8 >million
limit_bytes=$([ "${HAY_SANITIZED:-0}" = 1 ] && echo unlimited || echo 65536)
began=$(date +%s)
run sh -c "ulimit -v $limit_bytes; exec \"\$HAYFORK\" report million -o million.html"
took=$(($(date +%s) - began))
echo "# a million results: $took s, $(wc -c <million.html) bytes"
cp million.html page.html
is "a million results in 64 MiB" "$code|$(says jobs)|$(says failed)|$(says flaky)|$(cat err)" "0|1,000,000|10,000|2,000|"
ok "a page of less than 5 MB" test "$(wc -c <million.html)" -lt 5000000
ok "in good time" test "$took" -lt 60
awk 'BEGIN {
    for (i = 1; i <= 40000; i++)
        printf "{\"id\":%d,\"status\":\"%s\",\"seq\":%.0f,\"worker\":0,\"pid\":1,\"start\":1763847841,\"wall_ms\":1}\n",
               i, i % 4 ? "ok" : "timeout", i % 30000 * 2 ^ 38 + 5
}' >apart
run sh -c "ulimit -v $limit_bytes; exec \"\$HAYFORK\" report apart -o page.html"
is "and 30,000 whose places are far apart" "$code|$(says jobs)|$(says failed)|$(cat err)" "0|30,000|7,500|"
awk 'BEGIN {
    for (i = 1; i <= 200000; i++) {
        message = sprintf("%c%c%c %0400d", 97 + i % 26, 97 + i / 26 % 26, 97 + i / 676 % 26, 7)
        printf "{\"id\":%d,\"status\":\"error\",\"error\":{\"message\":\"%s\"},\"seq\":%d,\"worker\":%d,\"pid\":1,",
               i, message, i, i % 4000
        printf "\"start\":%.6f,\"wall_ms\":%.3f}\n", 1763847841 + i * 0.01 + i % 7, i % 7 * 500
    }
}' >worst
report worst
echo "# the worst: $(wc -c <page.html) bytes"
ok "less than 5 MB too when all differs" test "$code $(wc -c <page.html)" != "0 0" -a "$(wc -c <page.html)" -lt 5000000
is "and all is counted" "$(says jobs)|$(count 'of rarer kinds')" "200,000|1"

# In a browser.
browser=
for name in chromium chromium-browser google-chrome; do
    command -v $name >/dev/null 2>&1 && browser=$name && break
done
# look ARGUMENT... PAGE
look()
{
    HOME=$scratch timeout -k 5 120 "$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars \
        --enable-logging=stderr --disable-dev-shm-usage --user-data-dir="$scratch/profile" "$@" 2>console
}
echo '<p>hello</p>' >hello.html
if [ -z "$browser" ]; then
    skip "the pages in a browser" "no chromium"
elif ! look --dump-dom "file://$PWD/hello.html" | grep -q hello; then
    skip "the pages in a browser" "$browser does not start here"
else
    printf '%s' '<meta http-equiv="Content-Security-Policy" content="default-src '"'none'"'"><script>x()</script>' >bad.html
    look --dump-dom "file://$PWD/bad.html" >/dev/null
    ok "the browser's console is heard" grep -aq CONSOLE console
    "$HAYFORK" report hostile -o hostile.html
    for page in hundred million hostile; do
        [ -f $page.html ] || "$HAYFORK" report $page -o $page.html
        look --dump-dom "file://$PWD/$page.html" >page.html
        case $page in
        hundred) wanted="100|1|99" ;;
        million) wanted="1,000,000|10,000|990,000" ;;
        *) wanted="2|2|" ;;
        esac
        is "$page in the browser: the figures" "$(says jobs)|$(says failed)|$(says count-ok)" "$wanted"
        is "$page in the browser: a quiet console" "$(grep -a CONSOLE console)" ""
        for size in 1200,2400 390,844; do
            look --screenshot="$page.png" --window-size=$size "file://$PWD/$page.html" >/dev/null
            is "$page in the browser: a picture at $size" \
                "$(od -An -tx1 -N8 $page.png | tr -d ' ') $(od -An -tu1 -j16 -N4 $page.png | awk '{ print $3 * 256 + $4 }')" \
                "89504e470d0a1a0a ${size%,*}"
            ok "$page in the browser: with something on it" test "$(wc -c <$page.png)" -gt 15000
        done
    done
fi
done_testing
