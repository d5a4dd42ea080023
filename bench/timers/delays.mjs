/** When the timers are due, in ms, by their number: the same for all who set them. */

/** Within 50 ms: by the time that all are set, most of them are due. */
export const DUE = (index) => 1 + index % 50;
/** In a minute and more: none of them before it is cancelled. */
export const FAR = (index) => 60_000 + index % 50_000;
