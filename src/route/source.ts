import type { OriginToken } from '../origin/origins.ts'
import type { RoutingReason } from './policy.ts'

export type Source = 'edge' | 'origin'

/** Why tokens come from where they come: as the route says, or what has moved the answer. */
export type SourceReason =
  | RoutingReason
  /** The edge has made the tokens that it may, or no more fit into its context. */
  | 'budget'
  | 'edge-full'
  | 'slow-edge'
  /** It went round in circles. */
  | 'loop'
  /** An origin has failed: another one goes on, or the edge. */
  | 'origin-failed'
  /** An origin went on as the answer must not, or none can be held to the grammar that has opened. */
  | 'origin-refused'
  | 'grammar'
  /** The rest was asked for anew, and another origin answers. */
  | 'asked-anew'

/** A token, who made it, and why there. What is put in before an origin's first token has no name of an origin. */
export type SourcedToken = OriginToken & { readonly source: Source; readonly reason: SourceReason }

/** What an answer on its way has to tell beside its tokens. */
export type Notice =
  /** The edge has said all that it may, and the origin's first token is waited for. */
  | { readonly type: 'moving' }
  /** The origins cannot go on, and the edge does. */
  | { readonly type: 'recovered'; readonly reason: SourceReason }

export function isNotice(item: SourcedToken | Notice): item is Notice {
  return 'type' in item
}

/** What was done about a loop: an origin goes on, the thinking is closed, or the answer is ended. */
export type Rescue = 'origin' | 'answer' | 'end'
