/** "1,310" */
export type Count = (count: number) => string

const counts = (language: string): Count => {
  const format = new Intl.NumberFormat(language, { maximumFractionDigits: 0 })
  return (count) => format.format(count)
}

const enCount = counts('en')
const enTokens = (count: number) => `${enCount(count)} ${count === 1 ? 'token' : 'tokens'}`

/** All that the element says in English, and the form of every other language. */
export const en = {
  conversation: 'Conversation',
  newChat: 'New chat',
  welcome: 'What would you like to know?',
  message: 'Message',
  placeholder: 'Ask something',
  send: 'Send',
  stop: 'Stop',
  goToLatest: 'Go to the newest text',
  you: 'You',
  answer: 'Answer',
  close: 'Close',
  cancel: 'Cancel',

  count: enCount,
  tokens: enTokens,
  duration: (ms: number) => minutes(ms, ' min ', ' s'),
  milliseconds: (ms: number) => `${enCount(ms)} ms`,
  speed: (perSecond: number) => `${enCount(perSecond)} tokens/s`,

  effort: 'Thinking',
  efforts: { auto: 'Auto', none: 'Off', low: 'Low', medium: 'Medium', high: 'High' },
  thinking: 'Thinking',
  thoughts: 'Thoughts',
  thoughtFor: (time: string) => `Thought for ${time}`,
  answerNow: 'Answer now',
  waiting: 'Waiting for the answer',
  answering: 'Answering',
  done: 'The answer is complete.',

  edge: 'Edge',
  gpu: 'GPU',
  movingTo: (name: string) => `Moving to ${name} …`,
  movedTo: (name: string) => `Moved to ${name}`,
  speeds: (before: string, after: string) => `${before} → ${after}`,
  made: (edge: number, gpu: number) =>
    gpu > 0 && edge > 0
      ? `${enCount(edge)} edge + ${enCount(gpu)} GPU tokens`
      : `${enCount(edge || gpu)} ${edge > 0 ? 'edge' : 'GPU'} ${edge + gpu === 1 ? 'token' : 'tokens'}`,
  details: {
    edge: 'Made at the edge',
    gpu: 'Made on a GPU',
    why: 'Why there',
    moved: (place: string, tokens: number) => `${place}, after ${enTokens(tokens)}`,
    thought: 'Thinking',
    cached: 'Prompt known before',
  },
  recovered: 'GPU lost, going on at the edge.',
  rescued: 'It went round in circles, and was led out.',
  stalled: 'No sign of the server for a while.',
  reasons: {
    'no-origin': 'No GPU is connected.',
    'asked-for': 'It was asked for.',
    'origins-down': 'No GPU can be reached.',
    'origin-cannot': 'The GPU cannot do what is asked.',
    'prompt-exceeds-edge': 'The conversation is too long for the edge.',
    'long-prompt': 'A long conversation is read faster by a GPU.',
    'edge-busy': 'The edge was busy.',
    'long-reasoning': 'Much thinking was asked for.',
    'several-answers': 'Several answers were asked for.',
    'short-answer': 'A short answer stays at the edge.',
    'cannot-hand-over': 'This answer cannot be handed over.',
    'may-get-long': 'A long answer goes on with a GPU.',
    budget: 'A long answer goes on with a GPU.',
    reasoning: 'Long thinking goes on with a GPU.',
    loop: 'It went round in circles at the edge.',
    recovered: 'The GPU was lost.',
  } as Readonly<Record<string, string>>,

  stopped: 'Stopped.',
  cut: 'Cut at the length limit.',
  copy: 'Copy',
  copied: 'Copied',
  notCopied: 'Could not copy',
  regenerate: 'Answer anew',
  edit: 'Edit',
  editMessage: 'Edit the message',
  sendEdited: 'Send',
  continue: 'Continue',
  delete: 'Delete',
  tryAgain: 'Try again',
  previousBranch: 'Previous version',
  nextBranch: 'Next version',
  branch: (index: number, count: number) => `${index} / ${count}`,
  showLines: (lines: number) => `Show all ${enCount(lines)} lines`,
  showLess: 'Show less',
  queued: 'Next',
  unqueue: 'Remove',

  toolStates: {
    streaming: 'Preparing',
    asking: 'Asks to run',
    running: 'Running',
    done: 'Done',
    failed: 'Failed',
    refused: 'Refused',
  },
  arguments: 'Arguments',
  result: 'Result',
  allowOnce: 'Allow once',
  allowAlways: 'Always allow',
  refuse: 'Refuse',

  reconnecting: (tokens: number) => `Reconnecting from token ${enCount(tokens)} …`,
  retryIn: (time: string) => `Trying again in ${time}.`,
  /** By code, in place of what the client says; a server's own messages stay as they are. */
  errors: {} as Readonly<Record<string, string>>,
  key: 'API key',
  useKey: 'Use',
  startAnew: 'Start anew with a summary',
  dropOldest: 'Drop the oldest turns',

  storage: {
    full: 'There is no more room to keep conversations.',
    gone: 'What is said here is lost with the page.',
  },

  conversations: 'Conversations',
  search: 'Search',
  rename: 'Rename',
  exportAs: (format: string) => `Save as ${format}`,
  import: 'Open a file',
  noConversations: 'Nothing here yet.',
  notImported: 'This file holds no conversations.',
  deleted: 'Deleted.',
  undo: 'Undo',
}

type Words<T> = {
  readonly [K in keyof T]: T[K] extends string ? string : T[K] extends (...args: never[]) => string ? T[K] : Words<T[K]>
}
export type Texts = Words<typeof en>

const zhCount = counts('zh')

export const zh: Texts = {
  conversation: '对话',
  newChat: '新对话',
  welcome: '想了解什么？',
  message: '消息',
  placeholder: '输入问题',
  send: '发送',
  stop: '停止',
  goToLatest: '跳到最新内容',
  you: '你',
  answer: '回答',
  close: '关闭',
  cancel: '取消',

  count: zhCount,
  tokens: (count) => `${zhCount(count)} 个 token`,
  duration: (ms) => minutes(ms, ' 分 ', ' 秒'),
  milliseconds: (ms) => `${zhCount(ms)} 毫秒`,
  speed: (perSecond) => `${zhCount(perSecond)} token/秒`,

  effort: '思考',
  efforts: { auto: '自动', none: '关闭', low: '少', medium: '中', high: '多' },
  thinking: '思考中',
  thoughts: '思考过程',
  thoughtFor: (time) => `思考了 ${time}`,
  answerNow: '立即回答',
  waiting: '等待回答',
  answering: '回答中',
  done: '回答完毕。',

  edge: '边缘',
  gpu: 'GPU',
  movingTo: (name) => `正在转到 ${name} …`,
  movedTo: (name) => `已转到 ${name}`,
  speeds: (before, after) => `${before} → ${after}`,
  made: (edge, gpu) =>
    gpu > 0 && edge > 0
      ? `边缘 ${zhCount(edge)} + GPU ${zhCount(gpu)} 个 token`
      : `${edge > 0 ? '边缘' : 'GPU'} ${zhCount(edge || gpu)} 个 token`,
  details: {
    edge: '边缘生成',
    gpu: 'GPU 生成',
    why: '原因',
    moved: (place, tokens) => `${zhCount(tokens)} 个 token 后转到 ${place}`,
    thought: '思考',
    cached: '已缓存的提示',
  },
  recovered: 'GPU 已断开，由边缘继续。',
  rescued: '回答陷入重复，已被引出。',
  stalled: '服务器暂时没有响应。',
  reasons: {
    'no-origin': '没有连接 GPU。',
    'asked-for': '按要求选择。',
    'origins-down': '无法连接 GPU。',
    'origin-cannot': 'GPU 不支持此请求。',
    'prompt-exceeds-edge': '对话超出边缘的长度。',
    'long-prompt': '长对话由 GPU 读得更快。',
    'edge-busy': '边缘正忙。',
    'long-reasoning': '要求深入思考。',
    'several-answers': '要求多个回答。',
    'short-answer': '短回答留在边缘。',
    'cannot-hand-over': '此回答无法转交。',
    'may-get-long': '长回答由 GPU 继续。',
    budget: '长回答由 GPU 继续。',
    reasoning: '长思考由 GPU 继续。',
    loop: '在边缘陷入重复。',
    recovered: 'GPU 已断开。',
  },

  stopped: '已停止。',
  cut: '已达到长度上限。',
  copy: '复制',
  copied: '已复制',
  notCopied: '无法复制',
  regenerate: '重新回答',
  edit: '编辑',
  editMessage: '编辑消息',
  sendEdited: '发送',
  continue: '继续',
  delete: '删除',
  tryAgain: '重试',
  previousBranch: '上一个版本',
  nextBranch: '下一个版本',
  branch: (index, count) => `${index} / ${count}`,
  showLines: (lines) => `显示全部 ${zhCount(lines)} 行`,
  showLess: '收起',
  queued: '接下来',
  unqueue: '移除',

  toolStates: {
    streaming: '准备中',
    asking: '请求运行',
    running: '运行中',
    done: '完成',
    failed: '失败',
    refused: '已拒绝',
  },
  arguments: '参数',
  result: '结果',
  allowOnce: '允许一次',
  allowAlways: '始终允许',
  refuse: '拒绝',

  reconnecting: (tokens) => `正在从第 ${zhCount(tokens)} 个 token 重新连接 …`,
  retryIn: (time) => `${time}后重试。`,
  errors: {
    unreachable: '无法连接服务器。请检查网络。',
    interrupted: '回答中途连接断开。',
    incomplete: '连接在回答完成之前结束。',
    left: '回答完成之前离开了页面。',
    unreadable: '无法读取服务器的回答。',
  },
  key: 'API 密钥',
  useKey: '使用',
  startAnew: '用摘要重新开始',
  dropOldest: '删去最早的几轮',

  storage: { full: '没有空间保存更多对话。', gone: '关闭页面后，这里的内容将丢失。' },

  conversations: '对话列表',
  search: '搜索',
  rename: '重命名',
  exportAs: (format) => `保存为 ${format}`,
  import: '打开文件',
  noConversations: '还没有对话。',
  notImported: '此文件中没有对话。',
  deleted: '已删除。',
  undo: '撤销',
}

/** The texts for a language tag, with a page's own words before them. */
export function textsFor(language: string, own: Partial<Texts> | undefined): Texts {
  const texts: Texts = /^zh\b/i.test(language) ? zh : en
  return own ? { ...texts, ...own } : texts
}

/** "42 s", "1 min 12 s" */
function minutes(ms: number, minute: string, second: string): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  return seconds < 60 ? `${seconds}${second}` : `${Math.floor(seconds / 60)}${minute}${seconds % 60}${second}`
}
