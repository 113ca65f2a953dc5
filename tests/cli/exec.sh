#!/bin/sh
# SPDX-License-Identifier: MIT
# hayfork exec: a command for each input line, its output grouped.
. "${top_srcdir:?}/tests/cli/lib.sh"

# from LINES ARGUMENT... : run hayfork exec with these lines as its input
from()
{
    printf "$1" >lines
    shift
    run sh -c '"$HAYFORK" exec "$@" <lines' exec "$@"
}

from '1\n2\n3\n' -k echo a {} b{}
is "{} in the words" "$code $(cat out)" '0 a 1 b1
a 2 b2
a 3 b3'
from '1\n2 3\n' -k printf '<%s>'
is "without any {} the line comes last, as one word" "$code $(cat out)" "0 <1><2 3>"
from 'd/a.tar.gz\n' echo {.} {/} {//} {/.} {#} '{= =}' {}
is "the parts of a line" "$(cat out)" "d/a.tar a.tar.gz d a.tar 1 {= =} d/a.tar.gz"
from 'x\n' -k -j 1 ls -d -- /
is "options end where the command begins" "$code $(sed -n 1p out)" "1 /"
from '' echo
is "no line" "$code $(wc -c <out)" "0 0"
from '\na\n \n' -k echo
is "empty lines are skipped" "$(cat out)" a
from 'a\0b c\0\n\0' -0 -k printf '[%s]'
is "-0" "$(cat out)" "[a][b c][$newline]"
printf '1\n2\n' >one
printf '3\n' >two
run "$HAYFORK" exec -k -a one --arg-file=two echo
is "-a FILE" "$code $(tr '\n' ' ' <out)" "0 1 2 3 "
seq 7 >seven
run "$HAYFORK" exec -k -a seven -n 3 echo
is "-n" "$code $(cat out)" "0 1 2 3${newline}4 5 6${newline}7"
run "$HAYFORK" exec -k -a seven -a two -n 4 echo '<{}>' {#} {.}x end
is "-n: a word with a place is there for each line, through all files" "$code $(cat out)" \
    "0 <1> <2> <3> <4> 1 1x 2x 3x 4x end$newline<5> <6> <7> <3> 2 5x 6x 7x 3x end"
run "$HAYFORK" exec -k -n 2 --shell 'printf "<%s>" {} {/}; echo {#} of {#}' ::: "it's" 'x/y z' "a${newline}b"
is "-n in a script" "$code $(cat out)" "0 <it's><x/y z><it's><y z>1 of 1$newline<a${newline}b><a${newline}b>2 of 2"
run "$HAYFORK" exec -k -n 2 printf '[%s]' {2} '{1/.}-{2//}' {1}{1} {2#} {0} {01} {1000000000} end ::: a/b.c d/e f
is "-n: one of the lines" "$code $(cat out)" \
    "0 [d/e][b-d][a/b.ca/b.c][{2#}][{0}][{01}][{1000000000}][end][f-][ff][{2#}][{0}][{01}][{1000000000}][end]"
run "$HAYFORK" exec -k -n 2 --shell 'printf "[%s]" {2} x{1} y{2}' ::: 'a b' "it's" '*'
is "-n: one of the lines in a script" "$code $(cat out)" "0 [it's][xa b][yit's][x*][y]"
run "$HAYFORK" exec -k -n 2 --shell {2} ::: a pwd c
is "-n: a script that is nothing but a line" "$code $(cat out)" "0 $PWD"
run "$HAYFORK" exec -k printf '[%s]' {1} {1.} {} ::: a.b ''
is "{1} without -n is the line, which may be empty" "$code $(cat out)" "0 [a.b][a][a.b][][][]"
run "$HAYFORK" exec -k -n 2 echo {2} {} {1} ::: a b c
is "-n: all of them, and one again" "$code $(cat out)" "0 b a b a${newline}c c"
printf 'ann,Ann Lee,7\r\nbob,,"8"\n,\nsolo\n\n' >table
run "$HAYFORK" exec -k -a table -C , printf '[%s]' '{1}={2}' {3} {#}
is "-C: columns of a line" "$code $(cat out)" '0 [ann=Ann Lee][7][1][bob=]["8"][2][=][][3][solo=][][4]'
run "$HAYFORK" exec -k -a table --colsep=, printf '[%s]' 'x{}'
is "-C: a word with {} is there for each" "$code $(cat out)" '0 [xann][xAnn Lee][x7][xbob][x][x"8"][x][x][xsolo]'
run "$HAYFORK" exec -k -C '\t' --shell 'printf "[%s]" {2/} {1.}; : {}' ::: "a.b	it's/x y" '	'
is "-C: tabs, in a script" "$code $(cat out)" "0 [x y][a][][]"
run "$HAYFORK" exec -k -C , --shell 'printf "[%s]" {2} {1} {2//}' ::: a a,b/c
is "-C: one that is not there is empty in a script too" "$code $(cat out)" "0 [][a][][b/c][a][b]"
run "$HAYFORK" exec -k -C '::' --tag echo {2} ::: a::b:::c ::
is "-C: a text of several characters; --tag has the line" "$code $(tr '\t' '|' <out)" "0 a::b:::c|b$newline::|"
run "$HAYFORK" exec -k -C , --id line --json echo {2} ::: a,b
is "-C: --id has the line" "$code $(sed 's/,"status.*"stdout"//' out)" '0 {"id":"a,b":"b\n","stderr":""}}'
printf 'a,\377\n1\0002,3\n' >table
run "$HAYFORK" exec -k -C , -a table printf '[%s]'
is "-C: bytes that are no text, and NULs" "$code $(cat out) $(grep -c 'line 2: a NUL byte' err)" "1 [a][$(printf '\377')] 1"
run "$HAYFORK" exec -k -C "$(printf '\251')" printf '[%s]' {1} {2} ::: a$(printf '\303\251')b
is "-C: that cuts a character in two" "$code $(cat out)" "0 [a$(printf '\303')][b]"
run "$HAYFORK" exec -C , -n 2 echo ::: a
is "-C is not for -n" "$code $(grep -c 'colsep' err)" "2 1"

# Braces that are meant.
from 'a\nb\n' -k -n2 sh -c 'echo "${1}-${2} ${#}"' _
is "places of a shell are its own" "$code $(cat out)" '0 a-b 2'
from 'y z\n' -I ,, printf '<%s>' ',,' '{4}-{}-{1}' 'x,,,'
is "-I: no other place" "$code $(cat out)" '0 <y z><{4}-{}-{1}><xy z,>'
from 'y\n' -I{} echo '{1}{#}' {}{}
is "-I {} as of xargs" "$code $(cat out)" '0 {1}{#} yy'
from "it's\n" --replace=@ --shell 'echo {1} @'
is "-I in a script" "$code $(cat out)" "0 {1} it's"
from 'y\n' -I ,, echo '{}'
is "-I without its text: the line comes last" "$code $(cat out)" '0 {} y'
from 'y\n' -I '' echo
is "-I needs a text" "$code $(grep -c -- '-I is at least one character' err)" '2 1'
from 'zz\n' --json -I "$(printf '\303')" echo "$(printf 'a\303\244b')"
is "-I that cuts a character in two" "$(printf '%d ' $code; sed 's/.*"stdout":"//; s/".*//' out)" "0 azz$(printf '\357\277\275')b\\n"
run "$HAYFORK" exec --shell -I 'a b' --dry-run echo a b ::: zz
is "nor does it span two words of a script" "$code $(cat out)" '0 echo a b zz'
from 'y\n' --pipe -I ,, cat
is "-I is not for --pipe" "$code $(grep -c -- '-I' err)" '2 1'
seq 20000 >lines
run sh -c 'ulimit -s 256; "$HAYFORK" exec -k -n 20000 echo <lines'
is "as many words as the stack lets a command have" "$code $(tr ' ' '\n' <out | cmp - lines; wc -w <out)" '0 20000'
run sh -c 'ulimit -s 256; "$HAYFORK" exec -n 20000 sh -c "echo \$#" "$1" {} --or={} {.}{}x <lines' - "$(printf '%030000d' 0)"
is "with places in several of them" "$code $(awk '{ n += $1 } END { print n }' out)" '0 60000'
run sh -c 'ulimit -s 256; tr "\n" "\0" <lines | tr -d 0-9 | "$HAYFORK" exec -0 -n 20000 sh -c "echo \$#" _'
is "and where lines are empty" "$code $(awk '{ n += $1 } END { print n }' out)" '0 20000'
run "$HAYFORK" exec -C '' echo ::: a
is "-C ''" "$code $(grep -c 'at least one character' err)" "2 1"
# Lines as standard input: what comes out is what went in, whatever it is.
seq 200000 >numbers
run "$HAYFORK" exec -a numbers -k --pipe cat
is "--pipe" "$code $(cmp out numbers)" "0 "
run "$HAYFORK" exec -a numbers --pipe -n 3000 --shell 'wc -l; : {#}'
is "--pipe -n" "$code $(sort -n out | uniq -c | tr -s ' \n' ' ')" "0  1 2000 66 3000 "
head -c 5000000 /dev/urandom >random
echo >>random
run "$HAYFORK" exec -a random -k --pipe cat
is "--pipe: any bytes" "$code $(cmp out random)" "0 "
printf '\357\273\277a\r\n\n \nb\0c\n\nlast' >odd
run "$HAYFORK" exec -k --pipe -n 1 --shell 'printf "<"; cat; echo {#}' <odd
printf '<\357\273\277a\r\n1\n<\n2\n< \n3\n<b\0c\n4\n<\n5\n<last\n6\n' >wanted
is "--pipe: lines as they are" "$code $(cmp out wanted)" "0 "
printf 'a\0\nb\0\0c' >odd
run "$HAYFORK" exec -0 --pipe -n 2 -k cat <odd
is "--pipe: lines that NULs end" "$code $(tr '\0\n' '|+' <out)" "0 a|+b||c|"
head -c 3000000 /dev/zero | tr '\0' x >wide
run "$HAYFORK" exec --pipe wc -c <wide
is "--pipe: a line of more than a block" "$code $(cat out)" "0 3000001"
printf 'aaa\nb\n{1}\n' >braces
run "$HAYFORK" exec -a braces --pipe grep -E -e 'a{3}' -e '[{]1}' -e '{}{%}'
is "--pipe: braces are the command's own" "$code $(cat out)" "0 aaa$newline{1}"
head -c 2500000 /dev/zero | tr '\0' '\n' >newlines
run "$HAYFORK" exec -k --pipe --limit fsize=1M --shell 'wc -c' :::: newlines
is "--pipe: blocks have 1 MiB at most" "$code $(tr '\n' ' ' <out)" "0 1048576 1048576 402848 "
run "$HAYFORK" exec --pipe wc </dev/null
is "--pipe: no lines, no command" "$code $(wc -c <out)" "0 0"
run "$HAYFORK" exec -a numbers --pipe true
is "--pipe: who reads nothing is not waited for" "$code" 0
run "$HAYFORK" exec -a seven -n 3 --pipe --retries 1 --retry-delay 1ms -k --shell 'test -e {#} && cat || { touch {#}; exit 1; }'
is "--pipe: again at the next attempt" "$code $(cmp out seven)" "0 "
run "$HAYFORK" exec -a seven -n 3 --pipe -o piped --shell 'grep -v 5'
sed 's/6/8/' seven >eight
run "$HAYFORK" exec -a eight -n 3 --pipe -o piped --resume --shell 'grep -v 5'
is "--pipe: resumed by what the lines are" "$code $(cat err)" \
    "65 hayfork exec: 'eight' line 4 is not the one whose result is in 'piped'; --resume-changed runs such lines again"
run "$HAYFORK" exec --dry-run -k {} if=1 if ::: A=b if go
is "--dry-run: what a shell would take for more than a name" "$code $(cat out)" "0 'A=b' if=1 if${newline}'if' if=1 if${newline}go if=1 if"
run "$HAYFORK" exec -k -n 2 --tag echo ::: a b c
is "-n and --tag" "$code $(tr '\t' '|' <out)" "0 a b|a b${newline}c|c"
from 'a\0b\nc\nd\n' -k -n 2 echo
is "a bad line among them is rejected alone" "$code $(cat out) $(grep -c 'line 1: a NUL byte' err)" "1 c d 1"
from 'a\n\377\nc\n' -k -n 3 printf '[%s]'
is "bytes that are no text among them" "$code $(cat out)" "0 [a][$(printf '\377')][c]"
for line in 1 'x y' "'"; do
    yes "$line" | head -n 30000 >same
    # shellcheck disable=SC2016 # of the script
    run "$HAYFORK" exec -a same -n 30000 --shell 'set -- {}; : {} {.}; echo $#'
    is "-n: scripts that Linux takes, of lines that are $line" "$code $(awk '{ n += $1 } END { print n }' out)" "0 30000"
done
awk 'BEGIN { for (i = 0; i < 20000; i++) print "word" i }' >many
run "$HAYFORK" exec -k -a many -n 1000000 echo
tr ' ' '\n' <out >words
is "they stay within what a command can take" "$code $(wc -w <out) $(($(wc -l <out) > 1))" "0 20000 1"
ok "and in order" cmp -s many words
run "$HAYFORK" exec -k -a seven -n 3 -o grouped.jsonl sh -c 'test "$2" != 5' sh
run "$HAYFORK" exec -k -a seven -n 3 -o grouped.jsonl --retry-failed --dry-run sh -c 'test "$2" != 5' sh
is "they are resumed as they are" "$code $(cat out)" "0 sh -c 'test \"\$2\" != 5' sh 4 5 6"
# Blank lines are no lines: at the end, at a pause of the input, between NULs, as an argument, and after a large buffer.
printf 'x\n\n' >blank
run "$HAYFORK" exec -k -a blank -n 10 --dry-run rm -rf /data/{}
is "-n: a blank line at the end is none" "$code $(cat out)" "0 rm -rf /data/x"
{ printf 'x\n\n'; sleep 0.1; printf 'y\n'; } | $limit "$HAYFORK" exec -k -n 10 --dry-run echo '<{}>' >out
is "-n: nor at a pause" "$(grep -c '<>' out)" 0
from 'a\0\0' -k -0 -n 2 echo '<{}>'
is "-n: what NULs end is taken, empty or not" "$code $(cat out)" "0 <a> <>"
from 'a\0\0\0b' -k -0 echo '<{}>'
is "also by itself" "$code $(cat out)" "0 <a>
<>
<>
<b>"
run "$HAYFORK" exec -k -n 2 echo '<{}>' ::: a '' ''
is "-n: and so is an empty argument" "$code $(cat out)" "0 <a> <>
<>"
# A process that was there before, and what it leaves, is not of our making.
rm -f stranger
sh -c '{ sleep 0.3; setsid sleep 60 & echo $! >stranger; } & exec "$HAYFORK" exec sleep ::: 1 1' >out 2>err
code=$?
is "what a process from before leaves is spared" "$code $(kill "$(cat stranger)" && echo alive)" "0 alive"
for n in 1 2 3; do
    run "$HAYFORK" exec -k -n $n echo '<{}>' x ::: ''
    is "-n $n: one that is empty, alone" "$code $(cat out)" "0 <> x"
done
{ head -c 70000 /dev/zero | tr "\0" a; printf "\0\0"; } >large
run "$HAYFORK" exec -k -0 -a large -n 2 --dry-run echo
is "-n: one that is empty behind a large one" "$code $(wc -c <out) $(tail -n 1 out)" "0 70014 echo ''"
run "$HAYFORK" exec --tag printf 'x\ny\n' ::: ''
is "--tag: one that is empty" "$code $(tr '\t' '|' <out)" "0 |x${newline}|y"
run "$HAYFORK" exec -k echo '"\{}"' 'C:\{1}"{.}' ::: a.b
is "places behind quotes and backslashes" "$code $(cat out)" '0 "\a.b" C:\a.b"a'
run "$HAYFORK" exec -k echo '<{}>' ::: '' a ''
is "also by itself, first and last" "$code $(cat out)" "0 <>
<a>
<>"
printf 'a\n%300000s\n' '' >spaces
run "$HAYFORK" exec -k -a spaces -n 5 echo
is "-n: nor a very long one" "$code $(cat out)" "0 a"
run "$HAYFORK" exec -k -n 2 --json echo '{#}' ::: a b c
is "-n: an id is the number of the command" "$(sed 's/.*"id":\([0-9]*\),.*"stdout":"\([0-9]*\).*/\1 \2/' out | tr '\n' ,)" "1 1,2 2,"

{ printf '1\n'; sleep 0.1; printf '2\n3\n'; } | $limit "$HAYFORK" exec -k -n 2 echo >out
is "and waited for" "$(cat out)" "1 2${newline}3"
run "$HAYFORK" exec -j 1 -k -a seven -n 2 --halt soon,fail=50% sh -c 'echo $*; exit 1' sh
is "a part of all jobs is one of commands" "$(grep -c '^hayfork exec: 2 jobs have failed' err)" "1"
run "$HAYFORK" exec -a seven -n 2 --id line echo
is "--id line is not for -n" "$code $(wc -l <err)" "2 2"
run "$HAYFORK" exec -a seven -n 0 echo
is "-n 0" "$code $(grep -c "from 1 to" err)" "2 1"
run "$HAYFORK" exec -k printf '{#}[%s]' {} ::: a 'b c' "d${newline}e" '{}' -k "$(printf '\377')"
is "words behind :::" "$code $(cat out)" "0 1[a]2[b c]3[d${newline}e]4[{}]5[-k]6[$(printf '\377')]"
run "$HAYFORK" exec -k --tag sh -c 'printf "%s\\n\\nhalf" "$1"; echo err >&2' sh ::: a "$(printf '\377')" '"tag":"eA=="'
tab=$(printf '\t')
is "--tag" "$code $(cat out)" "0 a${tab}a
a$tab
a${tab}half$(printf '\377\t\377\n\377\t\n\377\thalf')\"tag\":\"eA==\"$tab\"tag\":\"eA==\"
\"tag\":\"eA==\"$tab
\"tag\":\"eA==\"${tab}half"
is "--tag is for stderr too" "$(head -n 1 err)" "a${tab}err"
run "$HAYFORK" exec echo :::
is "none behind :::" "$code $(wc -c <out)" "0 0"
run "$HAYFORK" exec -k printf '[%s]' {1.}-{3} {} {#} ::: a.x b ::: 1 '' ::: z
is "lists behind ::: make all combinations" "$code $(cat out)" "0 [a-z][a.x][1][z][1][a-z][a.x][][z][2][b-z][b][1][z][3][b-z][b][][z][4]"
run "$HAYFORK" exec -k --tag --shell 'echo {2}{1}' ::: "it's" ::: '*' '$x'
is "in a script" "$code $(tr '\t' '|' <out)" "0 it's *|*it's
it's \$x|\$xit's"
run "$HAYFORK" exec echo ::: a b ::: ::: c
is "none with an empty one" "$code $(wc -c <out)" "0 0"
# shellcheck disable=SC2046
run "$HAYFORK" exec --dry-run echo ::: $(seq 300) ::: $(seq 1000)
is "many" "$code $(awk '$2 == int((NR - 1) / 1000) + 1 && $3 == (NR - 1) % 1000 + 1' out | wc -l)" "0 300000"
run sh -c 'ulimit -f 1; "$HAYFORK" exec echo ::: $(seq 300) ::: $(seq 300)'
is "more than files may be" "$code $(cat err)" "70 hayfork exec: cannot keep the arguments: File too large"
word=$(head -c 32767 /dev/zero | tr '\0' a)
run "$HAYFORK" exec -k -j 1 --shell 'printf "%s %s" {1} {2} | wc -c' ::: "$word" ::: "$word" x
is "as long as may be" "$code $(tr '\n' , <out)" "0 65535,32769,"
printf 'A\nB b\n\nC\r\n' >list
run "$HAYFORK" exec -k printf '[%s]' {1}{2} :::: list ::: 1 ''
is "a file is a list too" "$code $(cat out)" "0 [A1][A][B b1][B b][C1][C]"
run sh -c 'printf "x\ny\n" | "$HAYFORK" exec -k printf "[%s]" {2}{1} :::: list -'
is "and so is stdin" "$code $(cat out)" "0 [xA][yA][xB b][yB b][xC][yC]"
run "$HAYFORK" exec -k printf '[%s]' :::: list
is "alone it is that of -a" "$code $(cat out)" "0 [A][B b][C]"
printf 'D\0E\ne\0\0' >list0
run "$HAYFORK" exec -0 -k printf '[%s]' {2}-{1} ::: q :::: list0
is "with lines that NULs end" "$code $(cat out)" "0 [D-q][E${newline}e-q][-q]"
run "$HAYFORK" exec -k echo ::: a :::: list0
is "a NUL in a line of a list" "$code $(wc -c <out) $(cat err)" \
    "65 0 hayfork exec: line 1 of 'list0' has a NUL byte (for lines that end with NUL there is --null)"
run "$HAYFORK" exec -k echo :::: nosuch ::: a
is "a list that is not there" "$code $(cat err)" "65 hayfork exec: cannot read 'nosuch': No such file or directory"
run "$HAYFORK" exec -k echo :::: /dev/null ::: a
is "an empty one" "$code $(cat out err)" "0 "
run "$HAYFORK" exec -k -o product echo ::: 1 2 ::: 3 4
run "$HAYFORK" exec -o product --resume echo ::: 1 5 ::: 3 4
is "one that has changed is told" "$code $(cat err)" \
    "65 hayfork exec: command 3 is not the one whose result is in 'product'; --resume-changed runs such jobs again"
run "$HAYFORK" exec -k -o listed echo ::: 1 2
run "$HAYFORK" exec -o listed --resume echo ::: 1 3
is "an argument that has changed is told as one" "$code $(cat err)" \
    "65 hayfork exec: argument 2 is not the one whose result is in 'listed'; --resume-changed runs such jobs again"
run "$HAYFORK" exec -k -o listed --resume echo ::: 1 2 3
is "they resume as lines do" "$code $(sed 's/^{"id":\([0-9]\).*stdout":"\([0-9]\).*/\1 \2/' listed | tr '\n' ,)" "0 1 1,2 2,3 3,"
from '1\n' sh -c 'cat; echo {}'
is "stdin of a command is empty" "$code $(cat out)" "0 1"

# What the command inherited, its commands have too: here a lock, and what a shell would name by <( ).
echo found >named
exec 7>lock 8<named
from '/dev/fd/8\n' --shell 'flock -n 7 && cat'
is "descriptors are passed on" "$code $(cat out err)" "0 found"
from '7\n8\n9\n' -k --shell 'test -e /dev/fd/{} && echo {} || echo no {}' 9<&-
is "and no others" "$code $(tr '\n' ',' <out)" "0 7,8,no 9,"
exec 7>&- 8<&-

# Bytes.
nasty='a  b\n$(id)\n`id`\nit'"'"'s "q"\n\\n\n\377\376\n*\n-n\n~\nä\n'
from "$nasty" -k printf '%s\n'
is "lines of any bytes go through untouched" "$code $(printf "$nasty" | cmp - out)" "0 "
from "$nasty" -k --shell 'printf "%s\n"'
is "and through --shell" "$code $(printf "$nasty" | cmp - out)" "0 "
run sh -c 'printf "$1" | "$HAYFORK" exec -k --shell "printf %s\\\\n {}; :" ' sh "$nasty"
is "quoted for the shell" "$code $(printf "$nasty" | cmp - out)" "0 "
run sh -c '"$HAYFORK" exec cat <<E
$HAYFORK
E'
is "binary output comes out byte for byte" "$code $(cmp out "$HAYFORK")" "0 "
from '1\n2\n' -k sh -c 'printf "\377\000x"'
is "also with a NUL" "$code $(od -An -tx1 <out | tr -d ' \n')" "0 ff0078ff0078"
from 'a\000b\n' echo
is "a line with a NUL is refused with its number" "$code $(cat err)" \
    "1 hayfork exec: line 1: a NUL byte in the line (for lines that end with NUL there is --null)"

# Grouping.
from '1\n2\n3\n4\n' -j 4 sh -c 'for i in 1 2 3; do echo {}; echo e{} >&2; sleep 0.0{}; done'
is "a command's output is in one piece" "$(uniq -c out | awk '{ print $1 }' | tr '\n' ' ')" "3 3 3 3 "
is "its stderr too, on stderr" "$(uniq -c err | awk '{ print $1 }' | tr '\n' ' ')" "3 3 3 3 "
from '5\n1\n3\n0\n' -k -j 4 sh -c 'sleep 0.{}; echo {}; echo e{} >&2'
is "-k" "$(tr '\n' ' ' <out)$(tr '\n' ' ' <err)" "5 1 3 0 e5 e1 e3 e0 "

# Failures.
from '0\n3\n0\n' -k sh -c 'echo {}; echo e{} >&2; exit {}'
is "a failed command's output is printed; exit 1" "$code $(tr '\n' ' ' <out)$(tr '\n' ' ' <err)" "1 0 3 0 e0 e3 e0 "
from 'x\n' no-such-command
is "a command that is not there" "$code $(cat err)" \
    "1 hayfork exec: cannot run no-such-command: No such file or directory: no-such-command x"
from 'x\n' sh -c 'kill -KILL $$'
is "one that is killed" "$code $(cat err)" "1 hayfork exec: killed by signal 9 (SIGKILL): sh -c 'kill -KILL \$\$' x"
from '60\n' --timeout 0.2 sleep
is "--timeout" "$code $(cat err)" "1 hayfork exec: timed out after 0.2 s: sleep 60"
from '1\n' --timeout 1 sh -c 'echo begun; echo oh >&2; exec sleep 60'
is "what it printed until then comes out" "$code $(cat out) $(tr '\n' ',' <err)" \
    "1 begun oh,hayfork exec: timed out after 1 s: sh -c 'echo begun; echo oh >&2; exec sleep 60' 1,"
from '1\n' --timeout 1 --json sh -c 'echo begun; exec sleep 60'
is "and is in its result line" "$code $(sed 's/.*"status"/"status"/' out)" '1 "status":"timeout","error":{"message":"timed out after 1 s"}'\
',"result":{"exit":null,"signal":15,"stdout":"begun\n","stderr":""}}'
from '1\n2\n' -j 2 --halt now,fail=1 --shell 'test {} = 2 || { until test -e up; do sleep 0.05; done; exit 1; }
trap "echo bye; exit 0" TERM; : >up; while :; do sleep 0.05; done'
is "that of one that is cancelled too" "$code $(cat out)" "3 bye"
# Each command has the number of its worker, also in the place of one that died, and no two have it at once.
seq 40 >lines
run "$HAYFORK" exec -a lines -j 3 --crash-retries 0 --shell 'mkdir w$HAYFORK_WORKER || exit 1; sleep 0.02; rmdir w$HAYFORK_WORKER
echo $HAYFORK_WORKER; test $(({} % 10)) -gt 0 || kill -9 $PPID'
is "HAYFORK_WORKER" "$code $(sort -u out | tr '\n' ' ') $(wc -l <out) $(grep -vc 'killed by SIGKILL' err)" "1 0 1 2  36 0"
run "$HAYFORK" call exec.run '{"shell":"echo $HAYFORK_WORKER","env":{"HAYFORK_WORKER":"mine"}}'
is "it is the job's to set" "$code $(grep -c 'stdout":"mine' out)" "0 1"
# One that is interrupted while it waits for its next attempt tells what came of the last.
run timeout -s TERM --preserve-status -k 10 2 "$HAYFORK" exec --retries 3 --retry-delay 1h --shell 'echo "row {} is bad" >&2; exit 4' ::: 7
is "--retries: interrupted before the next" "$code $(tail -n 1 err)" \
    '143 hayfork exec: cancelled before it was tried again: exit 4: row 7 is bad: echo "row 7 is bad" >&2; exit 4'
mkdir tries
from '1\n2\n3\n' -k --retries 2 --retry-delay 1ms sh -c 'echo x >>tries/{}; n=$(wc -l <tries/{}); echo {}: $n; [ $n -ge {} ]'
is "--retries: the output is that of the last attempt" "$code $(tr '\n' ' ' <out)" "0 1: 1 2: 2 3: 3 "
from 'a\n' -j 1 --retries 1 --retry-delay 1ms --shell 'echo x >>lost; n=$(wc -l <lost); echo $n; [ $n -gt 1 ] || kill -9 $PPID; exit 9; : {}'
is "and an attempt that lost its worker is none of them" "$code $(cat out)" "1 3"
from 'a\n' -k --retries 1 --retry-delay 1ms sh -c 'echo {}; exit 9'
is "also when that failed" "$code $(cat out)" "1 a"
from 'a\n' --retries 5 --retry-on timeout sh -c 'echo {}; exit 9'
is "and when it is not to be run again" "$code $(cat out)" "1 a"
from '1\n2\n3\n4\n5\n6\n7\n8\n' -j 1 --queue 1 --halt soon,fail=1 false
is "--halt" "$code" 3
from '100\n' --max-output 1K seq
is "output that was cut is an error" "$code $(wc -c <out)$(cat err)" "0 292"
from '10000\n' --max-output 1K seq
is "and says so" "$code $(wc -c <out) $(cat err)" \
    "1 1024 hayfork exec: its output was cut: it printed more than --max-output: seq 10000"
from '1\n' --max-output 3 --shell 'echo abcdef; exit 7; : {}'
is "also that of one that failed" "$code $(cat out) $(cat err)" \
    "1 abc hayfork exec: exit 7, and its output was cut: it printed more than --max-output: echo abcdef; exit 7; : 1"
from '1\n' --max-output 3 --json --shell 'echo abcdef; echo why >&2; exit 7; : {}'
is "and in its result line" "$code $(grep -c '"message":"exit 7, and its output was cut: [^"]*: why"' out)" "1 1"
from '1\n' --max-output 3 --retries 1 --retry-delay 1ms --shell 'echo abcdef; exit 7; : {}'
is "and at the last of its attempts" "$code $(cat out) $(grep -c 'exit 7, and its output was cut' err)" "1 abc 1"
from '1\n' --shell 'printf half >&2; kill -9 $$; : {}'
is "a notice has a line of its own" "$code $(head -n 1 err) $(grep -c '^hayfork exec: killed by signal 9 (SIGKILL)' err)" "1 half 1"
from '3000000\n' head -c {} /dev/zero
is "megabytes of output" "$code $(wc -c <out)" "0 3000000"
# Any bytes, with each length of a last group in base64, to a file and to a pipe that holds less.
for size in 400000 400001 400002; do
    head -c $size /dev/urandom >bytes$size
done
cat bytes40000? >all
from '400000\n400001\n400002\n' -k cat bytes{}
is "as they are" "$code $(cmp out all)" "0 "
mkfifo taken
cat <taken >read &
$limit "$HAYFORK" exec -k cat bytes{} <lines >taken
code=$?
wait $!
is "also through a pipe" "$code $(cmp read all)" "0 "

from '1\n' --stderr errors sh -c 'echo out; echo err >&2'
is "--stderr FILE takes the commands' stderr" "$code $(cat out) $(cat errors) $(wc -c <err)" "0 out err 0"
from '1\n' --stderr /dev/full sh -c 'echo out; echo err >&2'
is "a full one is told" "$code $(cat out) $(grep -c "cannot write '/dev/full'" err)" "0 out 1"
mkfifo unread
from '1\n' --stderr unread true
is "a FIFO that nobody reads is refused" "$code $(grep -c 'nobody reads' err)" "74 1"

# A helper that has left its parent lives as long as the job that may use it, and not much longer; also one in a session of its own.
for how in '' setsid; do
    from '1\n2\n' -j 1 -k --shell "test {} = 2 || { ( $how sleep 1000 </dev/null >/dev/null 2>&1 & echo \$! >helper ); sleep 2.5; }
while test {} = 2 && kill -0 \$(cat helper) 2>/dev/null; do sleep 0.1; done; kill -0 \$(cat helper) 2>/dev/null && echo {} alive || echo {} gone"
    is "a helper process ${how:-in the job's group} lasts for its job" "$code $(tr '\n' , <out)" "0 1 alive,2 gone,"
done
# Whatever is done to the clock meanwhile.
if [ -z "${HAY_SANITIZED:-}" ]; then
    echo 1 >lines
    run env LD_PRELOAD="$top_builddir/tests/support/.libs/hurtclock.so" HURT_CLOCK=3600 "$HAYFORK" exec -a lines --shell \
        '( setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >helper ); sleep 3.5; kill -0 $(cat helper) && echo {} alive'
    is "a helper process lasts while the wall clock is set" "$code $(cat out)" "0 1 alive"
else
    skip "a helper process lasts while the wall clock is set" "a sanitizer does not like what is preloaded"
fi

# What a command has started and not waited for may still write: at once, but not for ever.
from '1\n2\n3\n' -k sh -c '{ sleep 0.1; echo "late {}"; } & echo "first {}"'
is "output is read to its end" "$code $(tr '\n' ',' <out)" "0 first 1,late 1,first 2,late 2,first 3,late 3,"
from '1\n' sh -c 'sleep 1000 & echo started; echo $! >&2'
is "who keeps it open is not waited for" "$code $(cat out)" "0 started"
# The command ends in the last half second: on a busy machine not each time.
for _ in 1 2 3 4 5 6; do
    from '1\n' --timeout 1s sh -c 'sleep 1000 & sleep 0.6; echo done'
    [ "$code" = 0 ] && break
done
is "and not beyond the timeout" "$code $(cat out)" "0 done"
# What a command does to its own process group leaves the worker there alone.
printf '%s\n' HUP QUIT PIPE ALRM USR1 USR2 VTALRM PROF IO TSTP TTIN TTOU TERM INT >names
run "$HAYFORK" exec -j 1 -k --timeout 10s -a names --shell 'echo {} >>begun; trap "" {}; kill -{} 0; echo {}'
is "a signal to its own group is the command's affair" "$code $(cmp out names) $(cmp begun names) $(cat err)" "0   "
# What is stopped is woken to hear that it should end.
from '1\n' --timeout 300ms --grace 20s --shell 'trap ": >heard; exit" TERM; kill -STOP $$'
is "a stopped command hears of its timeout" "$code $(test -e heard && echo heard)" "1 heard"

# Result lines.
from '0\n3\n' -k --json sh -c 'echo {}; echo oops >&2; exit {}'
is "--json" "$code $(cat out)" '1 {"id":1,"status":"ok","result":{"exit":0,"signal":null,"stdout":"0\n","stderr":"oops\n"}}
{"id":2,"status":"error","error":{"message":"exit 3: oops"},"result":{"exit":3,"signal":null,"stdout":"3\n","stderr":"oops\n"}}'
# Of a long last line the end is told, also where that is all digits. What an escape stands for (\001, \\) is there whole or not.
from '2000\n' --json --shell 'printf %0{}d 7 >&2; exit 1'
ends() { grep -o 'exit 1: [^"]*' out | tr -s 0 | sort -u | tr '\n' ' '; }
is "the end of a long last line" "$code $(ends)" '1 exit 1: 0 '
seq 1015 1024 >lines
run "$HAYFORK" exec -a lines --json --shell 'printf "%01000d\001%0{}d" 7 8 >&2; exit 1'
is "does not begin within an escape" "$(ends)" 'exit 1: 0 exit 1: 07\u010 exit 1: 7\u010 exit 1: \u010 '
run "$HAYFORK" exec -a lines --json --shell 'printf "%01000d\\\\\\\\%0{}d" 7 8 >&2; exit 1'
is "nor in one of a backslash" "$(ends)" 'exit 1: 0 exit 1: 07\\\\0 exit 1: 7\\\\0 exit 1: \\0 exit 1: \\\\0 '
odd=
for last in '' z; do
    run "$HAYFORK" exec --json --shell "yes é | head -n 1100 | tr -d '\\n' >&2; printf '%s' '$last' >&2; exit 1; : {}" ::: a
    { iconv -f UTF-8 -t UTF-8 out >/dev/null && grep -q '"message":"exit 1: \(é\)*z\{0,1\}"' out; } || odd="$odd '$last'"
done
is "nor begins or ends within a character" "$odd" ""
from '100000\n' --json --max-output 100K sh -c 'head -c {} /dev/zero; head -c {} /dev/zero >&2; exit 3'
is "output takes more room in them than it has bytes" "$code $(grep -o '"message":"[^"]\{6\}' out) $(grep -o 'u0000' out | wc -l)" \
    '1 "message":"exit 3 200000'
from 'a\nb\n' -k --id line -o results echo
is "-o FILE" "$code $(wc -c <out) $(grep -c '"id":"[ab]","status":"ok"' results)" "0 0 2"
from '0\n3\n' -j 1 --joblog log sh -c 'exit {}'
is "--joblog has exit codes and commands" "$(cut -f 7- log | sed 1d)" "0	0	sh -c 'exit 0'
3	0	sh -c 'exit 3'"

from 'a b.c\n\377\n' --dry-run cp {} 'x y'/{.}
is "--dry-run" "$code $(cat out)" "0 cp 'a b.c' 'x y/a b'
cp '$(printf '\377')' 'x y/$(printf '\377')'"
from 'a b\n' --dry-run --shell 'cat {} |' wc -l
is "--dry-run --shell" "$(cat out)" "cat 'a b' | wc -l"
ok "what a dry run prints a shell runs" sh -c 'printf "a b\nc\n" | "$HAYFORK" exec --dry-run test -n | sh'

seq 10001 >lines
run "$HAYFORK" exec -a lines -n 10002 echo {10000} x{10002}
is "one of many lines" "$code $(cat out)" "0 10000 x"

# refused TEXT ARGUMENT... : exit 2, and this in the first line of two
refused()
{
    text=$1
    shift
    run "$HAYFORK" exec "$@" </dev/null
    is "refused: $text" "$code $(wc -c <out) $(wc -l <err) $(grep -cF -- "$text" err)" "2 0 2 1"
}
refused "a command is needed"
refused "--tag is for plain output" --tag --json true
refused "a command is needed" -k ''
refused "-f is not for exec" -f demo.noop true
refused "so not with -n, -C or --id line" -n 2 echo ::: a ::: b
refused "so not with -n, -C or --id line" -C , echo ::: a ::: b
refused "so not with -n, -C or --id line" --id line echo ::: a ::: b
refused "--pipe is for the lines of files" --pipe cat ::: a
refused "standard input can be one list, not two" echo :::: - seven -
refused "--pipe is for blocks of lines" --pipe -C , cat
refused "--pipe is for blocks of lines" --pipe --tag cat
refused "for pairs, 'paste' two files" echo ::: a :::+ b
refused "more than 64 lists" echo $(seq 65 | sed 's/.*/::: a/')
refused "at most 64 KiB a command" echo ::: "$(head -c 40000 /dev/zero | tr '\0' a)" ::: "$(head -c 40000 /dev/zero | tr '\0' b)"
refused "but not from both" -a one echo ::: a
refused "not for arguments behind ':::'" -0 echo ::: a ::: b
refused "a file is needed behind '::::'" echo ::: a ::::
refused "'{2}' stands for nothing: a command has 1" echo {1} x{2/}
refused "'{10000}' stands for nothing: a command has 1" echo {10000} ::: a
refused "'{3}' stands for nothing: a command has 2" -n 2 echo {3}
refused "'{4}' stands for nothing: a command has 3" echo {4} ::: a ::: b ::: c
refused "HAYFORK_WORKER" --shell 'echo {%}; : {}'
refused "not a pattern" -C '\s' echo
refused "a command is needed" ::: a
refused "from 0 to 1T, not '1025G'" --max-output 1025G true
refused "--max-output is at most 256M" --max-output 257M --json true
refused "--max-output is at most 256M" --max-output 257M -o x true
refused "unknown option '--nosuch'" --nosuch true

# Commands that print by themselves.
mkfifo gate
"$HAYFORK" exec -u -o live.jsonl sh -c 'echo "$1"; echo err >&2; read -r line <gate; echo "$line"; exit 3' _ ::: live >live 2>live.err &
ok "-u: output is there before the command ends" until_true grep -q live live
echo last >gate
wait $!
is "-u: all of it, and none in the result" "$? $(tr '\n' ' ' <live)$(cat live.err) $(sed 's/,"seq.*//' live.jsonl)" \
    '1 live last err {"id":1,"status":"error","error":{"message":"exit 3"},"result":{"exit":3,"signal":null,"stdout":"","stderr":""}'
run "$HAYFORK" exec -u -j 1 --pipe -n 1 cat <<'EOF'
a
b
EOF
is "-u and --pipe" "$code $(tr '\n' ' ' <out)" "0 a b "
run "$HAYFORK" exec -u -j 1 --inline sh -c 'echo out; echo err >&2' ::: a
is "-u in one process" "$code $(cat out err)" "0 out${newline}err"
run "$HAYFORK" exec -u -j 1 --retries 1 sh -c 'echo tried; false' ::: a
is "-u: each attempt prints" "$code $(tr '\n' ' ' <out)" "1 tried tried "
"$HAYFORK" exec -j 1 --shell 'ls /proc/self/fd # {}' ::: '' >descriptors
run "$HAYFORK" exec -u -j 1 --shell 'ls /proc/self/fd # {}' ::: ''
is "-u: commands have no copies of what they print to" "$code $(cmp out descriptors)" "0 "
{ seq 2000 | $limit "$HAYFORK" exec -u echo 2>err; echo $? >code; } | head -n 1 >first
is "-u | head -1" "$(cat code) $(wc -l <first)" "141 1"
{ yes | $limit "$HAYFORK" exec -u sh -c '/bin/echo $0 2>/dev/null; true' 2>err; echo $? >code; } | head -n 1 >first
is "-u | head -1 of commands that do not mind" "$(cat code) $(wc -l <first)" "141 1"
refused "-u is for commands that print at once" -u -k true
refused "-u is for commands that print at once" -u --tag true
refused "-u is for commands that print at once" -u --json true
refused "-u is for commands that print at once" -u --max-output 1M true
for fds in 5 '[3]' '[1,2]' '[3,4000]' '["3","3"]'; do
    run "$HAYFORK" call exec.run "{\"argv\":[\"true\"],\"output_fds\":$fds}"
    is "output_fds: $fds" "$code $(grep -c '"output_fds" has to be' err)" "1 1"
done

# Where output cannot go.
seq 1 2000 >many
run sh -c '"$HAYFORK" exec echo <many >/dev/full'
is "disk full" "$code $(cat err)" "74 hayfork exec: cannot write to standard output: No space left on device"
{ $limit "$HAYFORK" exec echo <many 2>err; echo $? >code; } | head -n 1 >first
is "| head -1" "$(cat code) $(wc -l <first) $(cat err)" "141 1 "
run sh -c 'seq 3 | "$HAYFORK" exec -k sh -c "echo {}; echo e >&2" 2>/dev/full'
is "a stderr that takes nothing costs no output" "$code $(tr '\n' ' ' <out)" "0 1 2 3 "

# Where /dev/null cannot be opened; what the shells in between say of that does not count.
bare='mount -t tmpfs -o ro none /dev && test ! -e /dev/null'
if unshare -rm sh -c "$bare" >out 2>&1; then
    run unshare -rm sh -c "$bare && exec \"\$HAYFORK\" exec true ::: a"
    is "no /dev/null" "$code $(grep '^hayfork' err)" \
        "69 hayfork exec: plugin exec: the process that loaded it was lost: exited with 126 (its descriptors could not be set up; is there a /dev/null?)"
else
    tests=$((tests + 1))
    echo "ok $tests - no /dev/null # SKIP it cannot be taken away here"
fi

if parallel --version 2>/dev/null </dev/null | grep -q '^GNU'; then
    printf '%s\n' a/b.c .bashrc a.b/c x. dir/ a.tar.gz /top / a//b.c .. . a/.x.y 'a b.c' "it's" >paths
    for place in '{}' '{.}' '{/}' '{//}' '{/.}' '{#}'; do
        $limit parallel --plain -k "printf %s\\\\n {#}:$place" <paths >wanted 2>/dev/null
        run "$HAYFORK" exec -k -a paths printf '%s\n' "{#}:$place"
        is "$place is that of GNU parallel" "$code $(cmp out wanted)" "0 "
    done
else
    skip "places are those of GNU parallel" "GNU parallel is not installed"
fi
# What was cut off can be run again with more room, which is no other job.
rm -f cut
run sh -c 'seq 2 | "$HAYFORK" exec -o cut --max-output 10 seq 1 200{}'
is "output is cut" "$code $(grep -c '"status":"ok"' cut)" "1 0"
run sh -c 'seq 2 | "$HAYFORK" exec -o cut --max-output 1M --retry-failed seq 1 200{}'
is "and comes whole with more room" "$code $("$HAYFORK" results cut | grep -c '"status":"ok"')" "0 2"

printf 'a\377\nb\n' >binary
run sh -c '"$HAYFORK" exec -k --id line echo <binary'
is "--id line runs what no id can name" "$code $(cmp out binary)" "0 "
run sh -c '"$HAYFORK" exec -k --id line --json echo <binary'
is "but no result line can have it" "$code $(grep -c '"rejected"' out) $(grep -c '"id":"b"' out)" "1 1 1"
run sh -c 'echo "kill -KILL \$PPID" | "$HAYFORK" exec --crash-retries 0 sh -c'
is "a worker that was killed is not its command" "$code $(cat err)" \
    "1 hayfork exec: its worker was lost: killed by SIGKILL (core not dumped): sh -c 'kill -KILL \$PPID'"

# Of a user who has room for one command beside the workers. He is nobody else's.
user=$((500000000 + $$))
crowded="setpriv --reuid=$user --regid=$user --clear-groups prlimit --nproc=4:4"
if [ -n "${HAY_SANITIZED:-}" ] || ! $crowded "$HAYFORK" --version >out 2>&1; then
    skip "a command waits for a process as long as another has it" "no other user can be had, or a sanitizer starts processes too"
else
    run $crowded "$HAYFORK" exec -j 2 sleep ::: 11 0
    is "a command waits for a process as long as another has it" "$code $(cat err)" "0 "
fi

done_testing
