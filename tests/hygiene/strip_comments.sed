# C++ without comments, string contents and character literals, one output line an input line.
:start
s/\\\\/__/g
s/\\"/__/g
s/'"'/ /g
s/"[^"]*"/""/g
/\/\*.*\*\//{
  s/\/\*([^*]|\*+[^*\/])*\*+\// /g
}
s://.*$::
/\/\*/{
  s/\/\*.*$//
  p
  :inside
  n
  /\*\//!{
    s/.*//
    p
    b inside
  }
  s/^([^*]|\*+[^*\/])*\*+\// /
  b start
}
p
